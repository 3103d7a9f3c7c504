/// A learner leaves the process as it was: OpenBLAS's threads and how its thread treats subnormal numbers.
import Agents
import Autograd
import CBLAS
import MachineSupport
import Networks
import Randomness
import Records
import Replay
import Testing

@Suite struct ProcessStateTests {
  #if os(Linux)
    @Test func learnersChangeNothingOfTheProcess() async {
      // In a process of its own: other tests learn meanwhile.
      await #expect(processExitsWith: .success) {
        openblas_set_num_threads(3)
        func threads() -> Int32 { openblas_get_num_threads() }
        func mode() -> UInt32 {
          let before = machine_flush_subnormals()
          machine_restore_subnormals(before)
          return before
        }
        let before = mode()
        var config = ExperimentConfig()
        (config.encoder, config.batchSize, config.threads) = (.dqn, 4, 2)
        let sizes = NetworkSizes(config, observationSize: 3, actionCount: 2)
        var generator = SplitMix64(seed: 1)
        let learner = Learner(sizes: sizes, config: config, generator: &generator)
        precondition(threads() == 3 && mode() == before, "after building a learner")
        let batch = Batch(windows: 4, length: sizes.windowLength, observationSize: 3)
        for i in 0..<4 * sizes.windowLength * 3 { batch.inputs[i] = Float(generator.uniform(-1, 1)) }
        for row in 0..<4 { (batch.actions[row], batch.returns[row], batch.weights[row]) = (Int32(row % 2), Float(row), 1) }
        _ = try learner.update(batch)
        precondition(threads() == 3 && mode() == before, "after a gradient step")
        Learner.computing {
          Learner.computing { precondition(threads() == 1) }
          precondition(threads() == 1, "inside")
        }
        precondition(threads() == 3 && mode() == before, "after it")
      }
    }
  #endif
}
