/// Which items of a replay are drawn, and what they weigh (Schaul et al. 2016), with the published rules: stratified
/// sampling, a new item gets the largest priority, importance weights divided by their maximum.
import Randomness
import Records

#if canImport(Glibc)
  import func Glibc.pow
#elseif canImport(Darwin)
  import func Darwin.pow
#endif

public final class Priorities {
  public let exponent: Double
  public let clampsError: Bool
  private let tree: SumTree

  /// Added to |TD error|, so that no item is forgotten (the published value).
  static let smallestError = 1e-6

  /// - Parameters:
  ///   - exponent: α; 0 draws uniformly.
  ///   - clampsError: |TD error| is clamped to 1 first, as in the published LunarLander code.
  public init(capacity: Int, exponent: Double, clampsError: Bool = false) {
    (self.exponent, self.clampsError) = (exponent, clampsError)
    tree = SumTree(capacity: capacity)
  }

  public func insert(_ item: Int) { tree[item] = tree.maximum > 0 ? tree.maximum : 1 }
  public func remove(_ item: Int) { tree[item] = 0 }
  /// Items with a priority: O(capacity).
  var count: Int { (0..<tree.capacity).reduce(0) { $0 + (tree[$1] > 0 ? 1 : 0) } }
  public var isEmpty: Bool { tree.total <= 0 }

  /// Priority (|δ| + 10⁻⁶)^α.
  public func update(_ item: Int, error: Float) {
    let error = Double(abs(error))
    tree[item] = pow((clampsError ? min(error, 1) : error) + Self.smallestError, exponent)
  }

  /// Draws one item from each of `items.count` equal parts of the total priority, with importance weights (N·P)^−β over
  /// their maximum, where N is `count`.
  public func draw(
    into items: UnsafeMutableBufferPointer<Int>, weights: UnsafeMutablePointer<Float>, count: Int, importanceExponent: Double,
    generator: inout SplitMix64
  ) {
    precondition(!isEmpty, "nothing to draw from")
    let part = tree.total / Double(items.count)
    var largest: Float = 0
    for row in items.indices {
      let item = tree.index(at: part * (Double(row) + generator.uniform()))
      items[row] = item
      weights[row] = Float(pow(Double(count) * tree[item] / tree.total, -importanceExponent))
      largest = max(largest, weights[row])
    }
    for row in items.indices { weights[row] /= largest }
  }

  public func save(_ name: String, to sink: inout some CheckpointSink) throws { try sink.write(name, tree.leafBytes) }
  /// - Parameter isThere: whether an item can be drawn; those alone have a priority.
  public func restore(_ name: String, from source: some CheckpointSource, where isThere: (_ item: Int) -> Bool) throws {
    let values = try source.values(name, tree.capacity, as: Double.self)
    for (item, value) in values.enumerated() {
      guard value >= 0, value.isFinite, isThere(item) == (value > 0) else {
        throw ReplayError(description: "the checkpoint's \(name) holds \(value) for item \(item), which is no priority of it")
      }
    }
    values.withUnsafeBytes { tree.restore(leaves: $0) }
    guard tree.total.isFinite else { throw ReplayError(description: "the checkpoint's \(name) add up to \(tree.total)") }
  }
}
