/// What is told of a network's memory: the same numbers as the network's own steps give, under names that one can read.
import Agents
import Autograd
import Networks
import Randomness
import Records
import Testing

@Suite struct MemoryTracerTests {
  @Test(
    arguments: [
      ("mamba", 1, ["block 1: mean Δ", "block 1: ‖state‖"]),
      ("mamba2", 2, ["block 1: mean Δ", "block 2: mean Δ", "block 1: ‖state‖", "block 2: ‖state‖"]),
      ("mamba3", 1, ["block 1: mean Δ", "block 1: ‖state‖"]), ("lstm", 1, ["layer 1: ‖hidden‖", "layer 1: ‖cell‖"]),
      ("gru", 1, ["layer 1: ‖hidden‖"]), ("dqn", 1, []),
      ("transformer", 2, ["layer 1: ‖keys‖", "layer 1: ‖values‖", "layer 2: ‖keys‖", "layer 2: ‖values‖"]),
    ], [false, true])
  func whatIsRemembered(_ kind: (name: String, layers: Int, names: [String]), _ recurrent: Bool) {
    var generator = SplitMix64(seed: 3)
    var sizes = NetworkSizes(
      encoder: EncoderKind(rawValue: kind.name), observationSize: 3, actionCount: 4, windowLength: 5, hiddenSize: 12,
      modelSize: 8, stateSize: 4)
    (sizes.headSize, sizes.layers, sizes.norm) = (4, kind.layers, kind.layers > 1 ? .rms : .none)
    let network = QNetwork(sizes, &generator)
    let actor = ActingState(network, stepping: true, recurrent: recurrent), tracer = MemoryTracer(actor)
    var window: [[Float]] = []
    for step in 0..<9 {
      let observation = (0..<3).map { _ in Float(generator.uniform(-1, 1)) }
      if step == 0 { actor.begin(observation) } else { actor.observe(observation) }
      let answer = actor.evaluate()
      let q = (0..<4).map { answer.q[$0] }
      let traces = tracer.traces(isFirst: step == 0)
      #expect(traces.map(\.name) == kind.names)
      // The network's own steps, from zero over the window or over the episode.
      guard let stepper = RecurrentStepper(network), stepper.stateSize > 0 else { continue }
      window =
        step == 0
        ? Array(repeating: observation, count: recurrent ? 1 : 5) : window.dropFirst(recurrent ? 0 : 1) + [observation]
      var memory: [Float] = Array(repeating: 0, count: stepper.stateSize)
      var last: [Float] = []
      for input in window {
        input.withUnsafeBufferPointer { input in
          memory.withUnsafeMutableBufferPointer { state in
            let result = stepper.step(input.baseAddress!, state: state.baseAddress!)
            last = (0..<4).map { result.q[$0] }
          }
        }
      }
      // It is the very memory that the actor answers from.
      for (mine, its) in zip(last, q) { #expect(abs(mine - its) < 1e-4) }
      let deltas = traces.filter { $0.name.hasSuffix("Δ") }.map(\.value)
      #expect(deltas == stepper.meanSteps)
      // Steps begin between 0.001 and 0.1 and move with what is read.
      #expect(deltas.allSatisfy { $0 > 0.0005 && $0 < 0.5 })
      let norms = traces.filter { !$0.name.hasSuffix("Δ") }.map(\.value)
      #expect(norms.allSatisfy { $0 > 0 && $0.isFinite })
      let all = memory.reduce(0) { $0 + $1 * $1 }
      #expect(norms.reduce(0) { $0 + $1 * $1 } <= all * 1.001)
    }
  }
}
