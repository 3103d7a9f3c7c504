/// y = f(x Wᵀ + b), PyTorch's `nn.Linear` with an activation fused in.
import Autograd
import Kernels
import Randomness

public struct Linear: Layer {
  public let weight: Parameter
  public let bias: Parameter?

  /// weight [outputs, inputs], initialised as `nn.Linear` is.
  public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, _ generator: inout SplitMix64) {
    weight = Parameter(shape: [outputs, inputs], uniformOver: inputs, &generator)
    self.bias = bias ? Parameter(shape: [outputs], uniformOver: inputs, &generator) : nil
  }

  public func callAsFunction(
    _ x: Tensor, activation: Activation = .none, packs: Bool = false, alignsRows: Bool = false, on tape: Tape
  ) -> Tensor {
    tape.linear(
      x, weight: weight.tensor(on: tape), bias: bias?.tensor(on: tape), activation: activation, packs: packs,
      alignsRows: alignsRows)
  }

  /// Floating-point operations a row.
  public var work: Int { 2 * weight.count }

  /// One row without a tape: x [inputs] → y [outputs].
  public func apply(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, activation: Activation = .none
  ) {
    MatrixVector.apply(
      rows: weight.shape[0], columns: weight.shape[1], weight: weight.pointer, stride: weight.shape[1], bias: bias?.pointer,
      x: x, y: y, activation: activation)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("weight", weight)
    if let bias { body("bias", bias) }
  }
}
