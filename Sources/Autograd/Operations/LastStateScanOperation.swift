/// The selective scan's output at the last position (`LastStateScan` has the mathematics).
import Kernels

struct LastStateScanOperation: Operation {
  let scan: LastStateScan
  let u, delta, aLog, b, c, skip, y: Tensor
  let packedA, q, r, scratch: UnsafeMutablePointer<Float>

  func pullback(_ tape: Tape) {
    guard let dy = y.gradient else { return }
    let (du, dDelta, accumulation) = scanGradients(u, delta, on: tape)
    let packedGradient = tape.floats(scan.packedCount)
    packedGradient.update(repeating: 0, count: scan.packedCount)
    scan.backward(
      u: u.values, delta: delta.values, packedA: packedA, b: b.values, bStride: b.stride, c: c.values, cStride: c.stride,
      skip: skip.values, q: q, r: r, dy: dy, du: du, dDelta: dDelta, accumulation, packedGradient: packedGradient,
      db: b.gradient(orScratchOn: tape), dbStride: b.stride, dc: c.gradient(orScratchOn: tape), dcStride: c.stride,
      dSkip: skip.gradient(orScratchOn: tape), scratch: scratch)
    scan.unpackGradient(packed: packedA, packedGradient: packedGradient, into: aLog.gradient(orScratchOn: tape))
  }
}

/// The gradients of u and Δ, which the scan writes whole: overwritten when both are untouched.
private func scanGradients(
  _ u: Tensor, _ delta: Tensor, on tape: Tape
) -> (du: UnsafeMutablePointer<Float>, dDelta: UnsafeMutablePointer<Float>, Accumulation) {
  let (du, first) = u.gradientToWrite(orScratchOn: tape), (dDelta, second) = delta.gradientToWrite(orScratchOn: tape)
  if first == second { return (du, dDelta, first) }
  let fresh = first == .overwrite ? (du, u) : (dDelta, delta)
  fresh.0.update(repeating: 0, count: fresh.1.rows * fresh.1.columns)
  return (du, dDelta, .add)
}

extension Tape {
  /// u, delta [batch × time, channels], dense; aLog [channels, states]; b [batch × time, states]; c [batch, states];
  /// skip [1, channels] → y [batch, channels].
  ///
  /// With a `readout` of y the gradients are added here, in the same pass of exponentials, and nothing is recorded.
  public func lastStateScan(
    u: Tensor, delta: Tensor, aLog: Tensor, b: Tensor, c: Tensor, skip: Tensor, time: Int, readout: LinearReadout? = nil
  ) -> Tensor {
    precondition(
      u.isDense && delta.isDense && u.rows == b.rows && u.rows == c.rows * time && aLog.rows == u.columns
        && aLog.columns == b.columns && b.columns == c.columns,
      "lastStateScan: u [\(u.rows), \(u.columns)], A [\(aLog.rows), \(aLog.columns)], B [\(b.rows), \(b.columns)], C [\(c.rows), \(c.columns)]"
    )
    let scan = LastStateScan(batch: c.rows, time: time, channels: u.columns, states: aLog.columns)
    let y = tensor(rows: c.rows, columns: u.columns)
    let packedA = floats(scan.packedCount)
    scan.pack(aLog: aLog.values, into: packedA)
    if isRecording, let readout { return singlePass(scan, u, delta, aLog, b, c, skip, packedA, readout, y) }
    let q = isRecording ? floats(scan.momentCount) : nil
    let r = isRecording ? floats(scan.momentCount) : nil
    let scratch = floats(scan.scratchCount)
    scan.forward(
      u: u.values, delta: delta.values, packedA: packedA, b: b.values, bStride: b.stride, c: c.values, cStride: c.stride,
      skip: skip.values, y: y.values, q: q, r: r, scratch: scratch)
    if let q, let r {
      record(
        LastStateScanOperation(
          scan: scan, u: u, delta: delta, aLog: aLog, b: b, c: c, skip: skip, y: y, packedA: packedA, q: q, r: r,
          scratch: scratch))
    }
    return y
  }

  private func singlePass(
    _ scan: LastStateScan, _ u: Tensor, _ delta: Tensor, _ aLog: Tensor, _ b: Tensor, _ c: Tensor, _ skip: Tensor,
    _ packedA: UnsafeMutablePointer<Float>, _ readout: LinearReadout, _ y: Tensor
  ) -> Tensor {
    let (du, dDelta, accumulation) = scanGradients(u, delta, on: self)
    let packedGradient = floats(scan.packedCount)
    packedGradient.update(repeating: 0, count: scan.packedCount)
    scan.forwardAndBackward(
      u: u.values, delta: delta.values, packedA: packedA, b: b.values, bStride: b.stride, c: c.values, cStride: c.stride,
      skip: skip.values, readout: readout, y: y.values, du: du, dDelta: dDelta, accumulation, packedGradient: packedGradient,
      db: b.gradient(orScratchOn: self), dbStride: b.stride, dc: c.gradient(orScratchOn: self), dcStride: c.stride,
      dSkip: skip.gradient(orScratchOn: self), scratch: floats(scan.singlePassScratchCount))
    scan.unpackGradient(packed: packedA, packedGradient: packedGradient, into: aLog.gradient(orScratchOn: self))
    return y
  }
}
