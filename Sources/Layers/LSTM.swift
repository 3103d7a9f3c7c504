/// PyTorch's `nn.LSTM` of one layer over a window, from a zero state; only the last hidden state is wanted.
import Autograd
import Randomness

public struct LSTM: Layer {
  public let inputSize, hiddenSize: Int
  /// [4 hiddenSize, inputSize], [4 hiddenSize, hiddenSize] and two of [4 hiddenSize]; gates in the order i, f, g, o.
  public let inputWeight, recurrentWeight, inputBias, recurrentBias: Parameter

  /// Initialised as `nn.LSTM` is: everything uniform in ±1/√hiddenSize.
  public init(_ inputSize: Int, _ hiddenSize: Int, _ generator: inout SplitMix64) {
    (self.inputSize, self.hiddenSize) = (inputSize, hiddenSize)
    inputWeight = Parameter(shape: [4 * hiddenSize, inputSize], uniformOver: hiddenSize, &generator)
    recurrentWeight = Parameter(shape: [4 * hiddenSize, hiddenSize], uniformOver: hiddenSize, &generator)
    inputBias = Parameter(shape: [4 * hiddenSize], uniformOver: hiddenSize, &generator)
    recurrentBias = Parameter(shape: [4 * hiddenSize], uniformOver: hiddenSize, &generator)
  }

  /// features [batch × time, inputSize] → the last hidden state [batch, hiddenSize].
  public func callAsFunction(_ features: Tensor, time: Int, on tape: Tape) -> Tensor {
    tape.lstm(
      features, inputWeight: inputWeight.tensor(on: tape), recurrentWeight: recurrentWeight.tensor(on: tape),
      inputBias: inputBias.tensor(on: tape),
      recurrentBias: recurrentBias.tensor(on: tape), time: time)
  }

  public func forEachParameter(_ body: (String, Parameter) -> Void) {
    body("weight_ih_l0", inputWeight)
    body("weight_hh_l0", recurrentWeight)
    body("bias_ih_l0", inputBias)
    body("bias_hh_l0", recurrentBias)
  }
}
