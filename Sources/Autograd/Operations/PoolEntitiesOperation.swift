/// A set of entities becomes their maximum and their sum (`EntityPool`), with what stands beside the set.
import Kernels

struct PoolEntitiesOperation: Operation {
  let x, beside, y: Tensor
  let pool: EntityPool
  let present: UnsafePointer<Float>
  /// [rows, width].
  let largest: UnsafePointer<Int32>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let dx = x.gradient, dBeside = beside.gradient
    for row in 0..<y.rows {
      let from = dy + row * y.stride, first = row * pool.count
      if let dx {
        pool.backward(
          dy: from, present: present + first, largest: largest + row * pool.width, dx: dx + first * x.stride, stride: x.stride)
      }
      guard let dBeside else { continue }
      for i in 0..<beside.columns { dBeside[row * beside.stride + i] += from[2 * pool.width + i] }
    }
  }
}

extension Tape {
  /// x [rows × count, width], the entities of each row one after the other; present [rows × count], 0 for one that does not
  /// count, valid until `backward`; beside [rows, n] → [maximum, sum (the `count`th of it, where it `averages`), beside],
  /// [rows, 2 · width + n].
  public func poolEntities(_ x: Tensor, count: Int, present: UnsafePointer<Float>, beside: Tensor, averages: Bool = false)
    -> Tensor
  {
    precondition(count > 0 && x.rows == beside.rows * count, "\(x.rows) entities are not \(beside.rows) rows of \(count)")
    let pool = EntityPool(count: count, width: x.columns, factor: averages ? 1 / Float(count) : 1)
    let y = tensor(rows: beside.rows, columns: 2 * x.columns + beside.columns)
    let largest = integers(y.rows * x.columns)
    for row in 0..<y.rows {
      let to = y.values + row * y.stride
      pool.forward(
        x: x.values + row * count * x.stride, stride: x.stride, present: present + row * count, y: to,
        largest: largest + row * x.columns)
      (to + 2 * x.columns).update(from: beside.values + row * beside.stride, count: beside.columns)
    }
    record(PoolEntitiesOperation(x: x, beside: beside, y: y, pool: pool, present: present, largest: largest))
    return y
  }
}
