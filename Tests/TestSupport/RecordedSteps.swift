/// Steps in the order in which they were taken, whole: what tests of sequences compare a replay with.

/// A step of an environment as a test keeps it.
public protocol RecordedStep {
  associatedtype Observation: Equatable
  /// What was seen before it, and after it.
  var observation: Observation { get }
  var next: Observation { get }
  /// Whether it is the first of its episode, or the last.
  var begins: Bool { get }
  var isLast: Bool { get }
}

/// What a network reads at a position of a sequence, and which step is taken there: nil at an episode's last observation.
public struct RecordedRow<Observation: Equatable>: Equatable {
  public var observation: Observation
  public var begins: Bool
  public var step: Int?

  public init(observation: Observation, begins: Bool, step: Int? = nil) {
    (self.observation, self.begins, self.step) = (observation, begins, step)
  }
}

extension Array where Element: RecordedStep {
  /// The rows from a step on, episodes' last observations among them, to the first episode's end or across; nothing after the
  /// newest observation.
  public func rows(from first: Int, crossing: Bool) -> [RecordedRow<Element.Observation>] {
    var rows: [RecordedRow<Element.Observation>] = []
    for index in first..<count {
      rows.append(RecordedRow(observation: self[index].observation, begins: self[index].begins, step: index))
      if self[index].isLast || index == count - 1 {
        rows.append(RecordedRow(observation: self[index].next, begins: false))
      }
      if self[index].isLast && !crossing { break }
    }
    return rows
  }

  /// The step that the sequence after the one from `first` begins at; nil where it is not there or an episode ends before it.
  public func following(_ first: Int, stride: Int) -> Int? {
    let next = first + stride
    return next < count && !self[first..<next].contains(where: \.isLast) ? next : nil
  }
}
