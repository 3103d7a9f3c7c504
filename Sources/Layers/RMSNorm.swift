/// Root mean square norm, PyTorch's `nn.RMSNorm` with ε = 1e-5 (`RMSNormKernel` has the mathematics).
import Autograd

public struct RMSNorm: Layer {
  /// [size], 1 at the start.
  public let weight: Parameter

  public init(_ size: Int) { weight = Parameter(shape: [size]) { _ in 1 } }

  /// x [rows, size] → [rows, size].
  public func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor { tape.rmsNorm(x, weight.tensor(on: tape)) }

  public func forEachParameter(_ body: (String, Parameter) -> Void) { body("weight", weight) }
}
