/// Mamba-2 against recordings of mamba-ssm's `Mamba2`: outputs, states, every gradient, one position at a time.
import Layers
import Randomness
import Testing

@Suite struct Mamba2Tests {
  @Test(arguments: ["regular", "odd", "groups", "long", "state", "resets"]) func golden(_ name: String) throws {
    let golden = try GoldenLayer("mamba2-\(name)")
    func size(_ key: String, _ otherwise: Int) throws -> Int { try golden.setting(key).map { Int($0) } ?? otherwise }
    var generator = SplitMix64(seed: 1)
    let layer = Mamba2(
      modelSize: try size("d_model", 0), stateSize: try size("d_state", 0), headSize: try size("headdim", 0),
      groups: try size("ngroups", 1), convolutionWidth: try size("d_conv", 4), expansion: try size("expand", 2),
      hasProjectionBias: try golden.setting("bias") == 1, &generator)
    try golden.check(layer)
  }

  @Test func initialisation() {
    var generator = SplitMix64(seed: 7)
    let layer = Mamba2(modelSize: 96, stateSize: 16, &generator)
    #expect(layer.headSize == 64 && layer.heads == 3)
    #expect(Mamba2(modelSize: 16, stateSize: 4, &generator).headSize == 32)
    #expect(Mamba2(modelSize: 24, stateSize: 4, &generator).headSize == 16)
    var names: [String] = []
    layer.forEachParameter { name, _ in names.append(name) }
    #expect(
      names == ["dt_bias", "A_log", "D", "in_proj.weight", "conv1d.weight", "conv1d.bias", "norm.weight", "out_proj.weight"])
    #expect(layer.aLog.values.allSatisfy { 0 <= $0 && $0 <= 2.773 })
    // softplus⁻¹ of 0.001 and 0.1.
    #expect(layer.stepBias.values.allSatisfy { -6.908 <= $0 && $0 <= -2.252 })
    #expect(layer.skip.values.allSatisfy { $0 == 1 } && layer.normWeight.values.allSatisfy { $0 == 1 })
  }
}
