/// `bench update` counts the arithmetic of every encoder, as published and as a residual stack.
import Experiments
import Networks
import Records
import Testing

@Suite struct BenchmarkTests {
  @Test(arguments: Architecture.all.map(\.kind.rawValue), ["paper", "default"]) func work(_ encoder: String, _ preset: String)
    throws
  {
    var config = try Presets.config(environment: "LunarLander-v3", preset: preset)
    config.encoder = EncoderKind(rawValue: encoder)
    for norm in [BlockNorm.none, .rms] {
      config.norm = norm
      let sizes = NetworkSizes(config, observationSize: 8, actionCount: 4)
      let work = Benchmark.workOfUpdate(sizes, 32, positions: 320)
      // Three passes of the online network and one of the target's, of which the first layer alone is 2 · rows · inputs · outputs.
      #expect(work > Double(2 * 3 * 32 * 8 * sizes.hiddenSize))
      #expect(work < 2e12 && Benchmark.workOfUpdate(sizes, 64, positions: 640) == 2 * work)
    }
  }
}
