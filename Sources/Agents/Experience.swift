/// What an agent has lived through and how it learns from it: windows or sequences, one type each.
import Randomness
import Records

protocol Experience: AnyObject {
  var count: Int { get }
  /// Whether there is something to draw.
  var isReady: Bool { get }

  /// The actor stands at its first observation.
  func beginEpisode(_ actor: Actor, _ stream: Int)
  /// The actor has moved on to the observation after the action.
  func append(_ actor: Actor, _ stream: Int, action: Int, reward: Float, terminated: Bool, truncated: Bool)
  func learn(step: Int, importanceExponent: Double, generator: inout SplitMix64) throws -> LearningReport

  func save(to sink: inout some CheckpointSink) throws
  func restore(from source: some CheckpointSource) throws
}

/// How far what replay stores has fallen behind the network that would compute it now.
public struct Staleness: Sendable {
  /// |stored − recomputed| / |recomputed|, of latents or recurrent states.
  public var distance: Float
  /// Mean over rows and actions of the change it makes in Q.
  public var qGap: Float
}

/// Sums of a comparison, row by row.
struct StalenessMeter {
  typealias Item = (stored: UnsafeMutablePointer<Float>, recomputed: UnsafePointer<Float>)
  private var difference: Double = 0, magnitude: Double = 0, gap: Double = 0, values = 0

  /// Compares what replay stores with what the network would store today, `width` values each, and copies the stored ones to
  /// `copies` [items.count, width] for `compareQ`.
  mutating func compare(_ items: [Item], width: Int, copies: UnsafeMutablePointer<Float>) {
    for (index, item) in items.enumerated() {
      for i in 0..<width {
        let d = Double(item.stored[i]) - Double(item.recomputed[i])
        difference += d * d
        magnitude += Double(item.recomputed[i]) * Double(item.recomputed[i])
      }
      (copies + index * width).update(from: item.stored, count: width)
    }
  }
  /// After all are compared: what was drawn twice is as stale both times.
  static func replace(_ items: [Item], width: Int) {
    for item in items { item.stored.update(from: item.recomputed, count: width) }
  }
  mutating func compareQ(_ stored: UnsafePointer<Float>, _ recomputed: UnsafePointer<Float>, count: Int) {
    for i in 0..<count { gap += Double(abs(stored[i] - recomputed[i])) }
    values += count
  }

  /// Nil where nothing was compared.
  var result: Staleness? {
    guard values > 0, magnitude > 0 else { return nil }
    return Staleness(distance: Float((difference / magnitude).squareRoot()), qGap: Float(gap / Double(values)))
  }
}

extension ExperimentConfig {
  /// The first environment step after which there may be a gradient step.
  public var firstLearningStep: Int { (learningStarts / gradientInterval + 1) * gradientInterval }

  /// Gradient steps between measurements of staleness: one a row of progress.csv.
  var stalenessInterval: Int { max(1, logInterval * gradientSteps / gradientInterval) }
}
