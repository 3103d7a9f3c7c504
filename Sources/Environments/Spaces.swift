/// The spaces that native environments use. Others (Dict, Tuple, …) are flattened by the Gymnasium bridge.

/// A box of float32 values, as Gymnasium's `Box`: `shape` row-major, one bound an element.
public struct BoxSpace: Equatable, Sendable {
  /// Of the observation before it was flattened.
  public let shape: [Int]
  /// The least value of every element.
  public let low: [Float]
  /// The largest value of every element.
  public let high: [Float]
  /// What the values were before they became floats.
  public let element: Element
  /// Elements.
  public var count: Int { low.count }

  /// What a value was.
  public enum Element: Sendable {
    /// Any number.
    case float32
    /// Whole numbers from 0 to 255, as images have them: a quarter of the memory holds them.
    case uint8
  }

  /// One bound an element, row-major.
  public init(shape: [Int], low: [Float], high: [Float], element: Element = .float32) {
    let count = shape.reduce(1, *)
    precondition(
      low.count == count && high.count == count, "shape \(shape) needs \(count) bounds, got \(low.count) and \(high.count)")
    self.shape = shape
    self.low = low
    self.high = high
    self.element = element
  }
}

/// The actions 0 ..< `count`, with a name for each (`always:SLOWER`).
public struct DiscreteSpace: Equatable, Sendable {
  /// In the order of the actions.
  public let names: [String]
  /// Actions.
  public var count: Int { names.count }

  /// At least one.
  public init(names: [String]) { self.names = names }
}
