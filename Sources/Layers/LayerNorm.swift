/// PyTorch's `nn.LayerNorm`, with a residual connection before it or an activation after it.
import Autograd
import Kernels

public struct LayerNorm: Layer {
  /// γ and β [size], 1 and 0 at the start.
  public let gain, bias: Parameter

  public init(_ size: Int) {
    gain = Parameter(shape: [size]) { _ in 1 }
    bias = Parameter(shape: [size])
  }

  /// The norm of x + residual, both [rows, size].
  public func callAsFunction(_ x: Tensor, adding residual: Tensor, on tape: Tape) -> Tensor {
    tape.addLayerNorm(x, residual, gain: gain.tensor(on: tape), bias: bias.tensor(on: tape))
  }

  /// f(norm of x), x [rows, size].
  public func callAsFunction(_ x: Tensor, activation: Activation = .none, on tape: Tape) -> Tensor {
    tape.addLayerNorm(x, gain: gain.tensor(on: tape), bias: bias.tensor(on: tape), activation: activation)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("weight", gain)
    body("bias", bias)
  }
}
