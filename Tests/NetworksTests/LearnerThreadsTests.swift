/// A gradient step on several threads is the step on one, up to the order of its sums.
import Agents
import Networks
import Randomness
import Records
import Replay
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
    let batch = Batch(windows: 7, length: 5, observationSize: 3)
    func fill(_ memory: UnsafeMutablePointer<Float>, _ count: Int, _ low: Double, _ high: Double) {
      for i in 0..<count { memory[i] = Float(values.uniform(low, high)) }
    }
    fill(batch.inputs, 7 * 15, -1, 1)
    fill(batch.nextInputs, 7 * 15, -1, 1)
    fill(batch.returns, 7, -2, 2)
    fill(batch.weights, 7, 0.2, 1)
    batch.actions.update(from: [0, 3, 1, 2, 2, 0, 3], count: 7)
    batch.discounts.update(from: [0.9, 0, 0.9, 0.9, 0.9, 0, 0.9], count: 7)
    var reports: [LearningReport] = [], tdErrors: [Float] = []
    for _ in 0..<5 {
      let (report, errors) = try learner.update(batch)
      reports.append(report)
      tdErrors = (0..<7).map { errors[$0] }
    }
    return (reports, tdErrors)
  }
}
