/// What is known of a set of entities, whatever their order: the maximum and the sum, or a multiple of it, over those present
/// (Deep Sets, Zaheer et al. 2017, eq. 2).
public struct EntityPool: Sendable, BitwiseCopyable {
  public let count, width: Int
  /// What sums are multiplied by.
  public let factor: Float
  public init(count: Int, width: Int, factor: Float = 1) { (self.count, self.width, self.factor) = (count, width, factor) }

  /// One set: x [count, width] with rows `stride` apart; present [count], 0 for an entity that does not count; y [maximum, sum],
  /// 2 · width, 0 where none counts; `largest` [width], where wanted: which entity the maximum is of, −1 for none.
  public func forward(
    x: UnsafePointer<Float>, stride: Int, present: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>,
    largest: UnsafeMutablePointer<Int32>? = nil
  ) {
    y.update(repeating: 0, count: 2 * width)
    largest?.update(repeating: -1, count: width)
    var isFirst = true
    for entity in 0..<count where present[entity] != 0 {
      let from = x + entity * stride
      for i in 0..<width {
        y[width + i] += from[i]
        guard isFirst || from[i] > y[i] else { continue }
        y[i] = from[i]
        largest?[i] = Int32(entity)
      }
      isFirst = false
    }
    if factor != 1 { for i in width..<2 * width { y[i] *= factor } }
  }

  /// Adds to dx [count, width], rows `stride` apart, what dy [2 · width] says.
  public func backward(
    dy: UnsafePointer<Float>, present: UnsafePointer<Float>, largest: UnsafePointer<Int32>, dx: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    for entity in 0..<count where present[entity] != 0 {
      let to = dx + entity * stride
      for i in 0..<width { to[i] += factor * dy[width + i] + (largest[i] == Int32(entity) ? dy[i] : 0) }
    }
  }
}
