/// Priorities as the leaves of a complete binary tree whose nodes hold the sum, and the largest, of what is below: draw
/// proportionally in O(log n), update in O(log n). (Schaul et al. 2016, appendix B.2.1.)
import Records

public final class SumTree {
  public let capacity: Int
  private let leaves: Int
  /// Node 1 is the root, node i has the children 2i and 2i + 1, leaf k is node `leaves` + k.
  private let sums, largest: UnsafeMutablePointer<Double>

  public init(capacity: Int) {
    precondition(capacity > 0, "a sum tree needs a capacity of at least 1, got \(capacity)")
    self.capacity = capacity
    var leaves = 1
    while leaves < capacity { leaves *= 2 }
    self.leaves = leaves
    sums = .allocate(capacity: 2 * leaves)
    largest = .allocate(capacity: 2 * leaves)
    sums.initialize(repeating: 0, count: 2 * leaves)
    largest.initialize(repeating: 0, count: 2 * leaves)
  }
  deinit {
    sums.deallocate()
    largest.deallocate()
  }

  public var total: Double { sums[1] }
  public var maximum: Double { largest[1] }

  public subscript(_ index: Int) -> Double {
    get {
      precondition(index >= 0 && index < capacity, "priority \(index) of \(capacity)")
      return sums[leaves + index]
    }
    set {
      precondition(index >= 0 && index < capacity, "priority \(index) of \(capacity)")
      precondition(newValue >= 0 && newValue.isFinite, "a priority of \(newValue)")
      sums[leaves + index] = newValue
      largest[leaves + index] = newValue
      // Every node is recomputed from its children, never shifted by a difference: a batch may name one index twice, and
      // differences would let rounding errors pile up over millions of updates.
      var node = (leaves + index) / 2
      while node > 0 {
        sums[node] = sums[2 * node] + sums[2 * node + 1]
        largest[node] = max(largest[2 * node], largest[2 * node + 1])
        node /= 2
      }
    }
  }

  /// The leaf in whose share of [0, total) `mass` falls. Rounding at a boundary never leads to a leaf of priority zero.
  public func index(at mass: Double) -> Int {
    var mass = mass
    var node = 1
    while node < leaves {
      let left = sums[2 * node]
      if (mass < left && left > 0) || sums[2 * node + 1] <= 0 {
        node = 2 * node
      } else {
        mass -= left
        node = 2 * node + 1
      }
    }
    return node - leaves
  }

  /// True where every node is the sum and the maximum of its children: for tests.
  public var isConsistent: Bool {
    (1..<max(leaves, 1)).allSatisfy {
      sums[$0] == sums[2 * $0] + sums[2 * $0 + 1] && largest[$0] == max(largest[2 * $0], largest[2 * $0 + 1])
    }
  }

  var leafBytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: sums + leaves, count: capacity * 8) }

  /// Sets every leaf and rebuilds the nodes: the same bits as setting them one by one, in O(n).
  func restore(leaves values: UnsafeRawBufferPointer) {
    for k in 0..<capacity {
      sums[leaves + k] = values.loadUnaligned(fromByteOffset: k * 8, as: Double.self)
      largest[leaves + k] = sums[leaves + k]
    }
    for node in stride(from: leaves - 1, to: 0, by: -1) {
      sums[node] = sums[2 * node] + sums[2 * node + 1]
      largest[node] = max(largest[2 * node], largest[2 * node + 1])
    }
  }
}
