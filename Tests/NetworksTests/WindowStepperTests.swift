/// Acting by constant-cost steps gives what the full window gives: 500 steps without a reset, so that rounding could
/// accumulate if it did.
import Autograd
import Networks
import Randomness
import Records
import Testing

@Suite struct WindowStepperTests {
  @Test(arguments: EncoderKind.published, [[8, 10, 128, 64], [3, 4, 12, 5], [5, 7, 40, 9]])
  func stepsEqualTheFullWindow(_ encoder: EncoderKind, _ size: [Int]) throws {
    let (features, time, model, states) = (size[0], size[1], size[2], size[3])
    var generator = SplitMix64(seed: 5)
    let network = QNetwork(
      NetworkSizes(
        encoder: encoder, observationSize: features, actionCount: 3, windowLength: time, hiddenSize: 2 * model,
        modelSize: model, stateSize: states), &generator)
    let stepper = try #require(WindowStepper(network), "\(encoder) has no constant-cost form")
    let tape = Tape()
    func observation() -> [Float] { (0..<features).map { _ in Float(generator.uniform(-2, 2)) } }
    let first = observation()
    var window = Array(repeating: first, count: time).flatMap { $0 }
    stepper.begin(first)
    var worst: Float = 0
    for _ in 0..<500 {
      tape.reset()
      let (q, latent) = tape.withoutGradient {
        window.withUnsafeBufferPointer {
          network(Tensor(data: $0.baseAddress!, rows: time, columns: features), time: time, on: tape)  // never empty
        }
      }
      for action in 0..<3 { worst = max(worst, abs(q[0, action] - stepper.values[action])) }
      let stepped = try #require(stepper.latent)
      for i in 0..<model { worst = max(worst, abs(latent[0, i] - stepped[i])) }
      let next = observation()
      window = Array(window.dropFirst(features)) + next
      stepper.push(next)
    }
    #expect(worst < 4e-6)
  }

  /// A new episode under other parameters: nothing of the old one stays. Windows of one token too, where the form allows it.
  @Test(arguments: [
    (EncoderKind.mamba, 4, 11), (.lstm, 4, 11), (.lstm, 1, 11), (.transformer, 4, 12), (.transformer, 1, 12), (.dqn, 3, 11),
  ])
  func beginForgetsEverything(_ encoder: EncoderKind, _ time: Int, _ model: Int) throws {
    var generator = SplitMix64(seed: 6)
    let network = QNetwork(
      NetworkSizes(
        encoder: encoder, observationSize: 3, actionCount: 2, windowLength: time, hiddenSize: 16, modelSize: model, stateSize: 5),
      &generator)
    let stepper = try #require(WindowStepper(network))
    for _ in 0..<3 {
      network.forEachParameter { _, parameter in
        for i in 0..<parameter.count { parameter.values[i] += Float(generator.uniform(-0.2, 0.2)) }
      }
      var window = Array(repeating: (0..<3).map { _ in Float(generator.uniform(-2, 2)) }, count: time).flatMap { $0 }
      stepper.begin(window)
      for _ in 0..<2 * time {
        let expected = network.evaluate(window, batch: 1, time: time)
        let latent = try #require(stepper.latent)
        for i in 0..<model { #expect(abs(latent[i] - expected.latent[i]) < 2e-6) }
        for i in 0..<2 { #expect(abs(stepper.values[i] - expected.q[i]) < 2e-6) }
        let next = (0..<3).map { _ in Float(generator.uniform(-2, 2)) }
        window = Array(window.dropFirst(3)) + next
        stepper.push(next)
      }
    }
  }
}
