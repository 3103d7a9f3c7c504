/// Several actors in one forward pass answer, remember and go on as each alone.
import Agents
import Networks
import Randomness
import Records
import Testing

@Suite struct ActingBatchTests {
  @Test(arguments: ["dqn", "lstm", "mamba", "mamba3", "mamba3 of parts"], [false, true])
  func answersAreThoseOfEachAlone(_ kind: String, _ recurrent: Bool) {
    var generator = SplitMix64(seed: 12)
    let hasParts = kind.hasSuffix(" of parts"), size = hasParts ? 8 : 3
    var sizes = NetworkSizes(
      encoder: EncoderKind(rawValue: kind.prefix { $0 != " " }.description), observationSize: size, actionCount: 4,
      windowLength: 5, hiddenSize: 12, modelSize: 8,
      stateSize: 4)
    (sizes.headSize, sizes.members) = (4, recurrent || kind != "mamba" ? 1 : 2)
    if hasParts { (sizes.partFeatures, sizes.headHidden) = (2, 6) }
    let network = QNetwork(sizes, &generator)
    func states() -> [ActingState] { (0..<3).map { _ in ActingState(network, recurrent: recurrent) } }
    let alone = states(), together = states(), batch = ActingBatch(network)
    func observation() -> [Float] { (0..<size).map { _ in Float(generator.uniform(-1, 1)) } }
    for step in 0..<12 {
      for actor in 0..<3 {
        let next = observation()
        if step % (4 + actor) == 0 {
          alone[actor].begin(next)
          together[actor].begin(next)
        } else {
          alone[actor].observe(next)
          together[actor].observe(next)
        }
      }
      if step == 7 { _ = together[1].evaluate() }  // answered already: it keeps its answer
      batch.evaluate(together)
      for (one, other) in zip(alone, together) {
        let (expected, given) = (one.evaluate(), other.evaluate())
        for action in 0..<4 { #expect(abs(expected.q[action] - given.q[action]) < 1e-5) }
        for i in 0..<8 { #expect(abs(expected.latent[i] - given.latent[i]) < 1e-5) }
        for i in 0..<(one.stateBefore == nil ? 0 : network.stateLayout?.count ?? 0) {
          #expect(abs((one.stateBefore?[i] ?? 0) - (other.stateBefore?[i] ?? 1)) < 1e-5)
        }
      }
    }
  }
}
