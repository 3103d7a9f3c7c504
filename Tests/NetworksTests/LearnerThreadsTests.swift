/// A gradient step on several threads is the step on one, up to the order of its sums.
import Agents
import Autograd
import Networks
import Randomness
import Records
import Testing

@Suite struct LearnerThreadsTests {
  @Test(arguments: EncoderKind.published, [2, 3, 7]) func threadsShareTheBatch(_ encoder: EncoderKind, threads: Int) throws {
    let one = try learn(encoder, threads: 1), several = try learn(encoder, threads: threads)
    for (a, b) in zip(one.reports, several.reports) {
      #expect(abs(a.loss - b.loss) <= 1e-5 * a.loss)
      #expect(abs(a.gradientNorm - b.gradientNorm) <= 1e-5 * a.gradientNorm)
      #expect(abs(a.meanQ - b.meanQ) <= 1e-5 && abs(a.meanAbsoluteTDError - b.meanAbsoluteTDError) <= 1e-5)
    }
    #expect(zip(one.tdErrors, several.tdErrors).allSatisfy { abs($0 - $1) <= 1e-5 })
    #expect(one.reports[4].loss != one.reports[0].loss)  // the parameters moved
  }

  /// Five steps on one batch of seven rows, which no number of threads but seven divides.
  private func learn(_ encoder: EncoderKind, threads: Int) throws -> (reports: [LearningReport], tdErrors: [Float]) {
    var config = ExperimentConfig()
    (config.encoder, config.threads, config.batchSize, config.learningRate) = (encoder, threads, 7, 1e-3)
    let sizes = NetworkSizes(
      encoder: encoder, observationSize: 3, actionCount: 4, windowLength: 5, hiddenSize: 24, modelSize: 16, stateSize: 6)
    var generator = SplitMix64(seed: 4)
    let learner = Learner(sizes: sizes, config: config, generator: &generator)
    var values = SplitMix64(seed: 5)
    func floats(_ count: Int, _ low: Double, _ high: Double) -> Buffer {
      let buffer = Buffer(count: count)
      for i in 0..<count { buffer.pointer[i] = Float(values.uniform(low, high)) }
      return buffer
    }
    let (states, next) = (floats(7 * 15, -1, 1), floats(7 * 15, -1, 1))
    let (rewards, weights) = (floats(7, -2, 2), floats(7, 0.2, 1))
    let actions: [Int32] = [0, 3, 1, 2, 2, 0, 3], discounts: [Float] = [0.9, 0, 0.9, 0.9, 0.9, 0, 0.9]
    var reports: [LearningReport] = [], tdErrors: [Float] = []
    for _ in 0..<5 {
      try actions.withUnsafeBufferPointer { actions in
        try discounts.withUnsafeBufferPointer { discounts in
          let (report, errors) = try learner.update(
            LearningBatch(
              count: 7, states: states.pointer, nextStates: next.pointer, actions: actions.baseAddress!,
              returns: rewards.pointer, discounts: discounts.baseAddress!, weights: weights.pointer))  // seven, never empty
          reports.append(report)
          tdErrors = (0..<7).map { errors[$0] }
        }
      }
    }
    return (reports, tdErrors)
  }
}
