/// A network as a plain function of plain arrays: for tools and apps that know no tapes.
import Autograd
import Kernels

extension QNetwork {
  /// windows [batch, time, observation], row-major → q [batch, actions], latent [batch, modelSize].
  public func evaluate(_ windows: [Float], batch: Int, time: Int) -> (q: [Float], latent: [Float]) {
    precondition(windows.count == batch * time * sizes.observationSize, "\(windows.count) floats are not \(batch) windows")
    let tape = Tape()
    return windows.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return ([], []) }
      let (q, latent) = GEMM.onOneThread {
        tape.withoutGradient {
          self(Tensor(data: base, rows: batch * time, columns: sizes.observationSize), time: time, on: tape)
        }
      }
      return (q.elements, latent.elements)
    }
  }
}
