/// `Mamba3` against the recordings of its reference.
import Layers
import Randomness
import Testing

@Suite struct Mamba3Tests {
  @Test(arguments: [
    "siso", "siso-odd", "siso-groups", "siso-rope1", "siso-state", "siso-resets", "siso-long", "mimo2", "mimo2-rope1",
    "mimo2-state", "mimo2-resets", "mimo4", "mimo4-norm",
  ])
  func golden(_ name: String) throws {
    let golden = try GoldenLayer("mamba3-" + name)
    func integer(_ key: String) throws -> Int? { try golden.setting(key).map { Int($0) } }
    var generator = SplitMix64(seed: 1)
    let layer = Mamba3(
      modelSize: try #require(try integer("d_model")), stateSize: try #require(try integer("d_state")),
      expansion: try #require(try integer("expand")), headSize: try integer("headdim"), groups: try integer("ngroups") ?? 1,
      rank: try integer("rank") ?? 0, ropeFraction: try #require(try golden.setting("rope_fraction")),
      isNormed: try golden.setting("norm") == 1, &generator)
    // Over 512 positions the reference's own angles are 2e-5 apart in single precision.
    try golden.check(layer, tolerance: name == "siso-long" ? 1e-4 : 1e-5)
  }
}
