/// A learner leaves the process as it was: OpenBLAS's threads and how its thread treats subnormal numbers.
import Agents
import Autograd
import CBLAS
import MachineSupport
import Networks
import Randomness
import Records
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
        let window = sizes.windowLength * 3, numbers = Buffer(count: 2 * 4 * window + 12)
        for i in 0..<numbers.count { numbers.pointer[i] = Float(generator.uniform(-1, 1)) }
        let actions: [Int32] = [0, 1, 0, 1], start = numbers.pointer
        try actions.withUnsafeBufferPointer { actions in
          _ = try learner.update(
            LearningBatch(
              count: 4, states: start, nextStates: start + 4 * window, actions: actions.baseAddress!, returns: start + 8 * window,
              discounts: start + 8 * window + 4, weights: start + 8 * window + 8))  // four, never empty
        }
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
