/// Input layers and head by number, from the weights: with and without norms, a hidden layer, a residual, and dueling.
import Autograd
import Networks
import Randomness
import Records
import Testing

@Suite struct TorsoAndHeadTests {
  private static let time = 4

  private func sizes(_ change: (inout NetworkSizes) -> Void = { _ in }) -> NetworkSizes {
    var sizes = NetworkSizes(
      encoder: .dqn, observationSize: 3, actionCount: 4, windowLength: Self.time, hiddenSize: 7, modelSize: 6, stateSize: 4)
    change(&sizes)
    return sizes
  }

  private func network(_ sizes: NetworkSizes) -> QNetwork {
    var generator = SplitMix64(seed: 5)
    let network = QNetwork(sizes, &generator)
    // Away from the start, where norms are 1.
    for parameter in network.block.parameters {
      for i in 0..<parameter.count { parameter.values[i] += Float(generator.uniform(-0.3, 0.3)) }
    }
    return network
  }

  private func values(_ network: QNetwork, _ name: String) -> [Double] {
    zip(network.block.names, network.block.parameters).first { $0.0 == name }.map { $0.1.values.map(Double.init) } ?? []
  }

  /// W x + b of a layer named so.
  private func linear(_ network: QNetwork, _ name: String, _ x: [Double]) -> [Double] {
    let weight = values(network, "\(name).weight")
    return values(network, "\(name).bias").enumerated().map { row, bias in
      x.indices.reduce(bias) { $0 + weight[row * x.count + $1] * x[$1] }
    }
  }

  private func relu(_ x: [Double]) -> [Double] { x.map { max($0, 0) } }

  private func features(_ network: QNetwork, _ observation: [Double]) -> [Double] {
    let isNormed = network.sizes.layerNorm
    return (0..<2).reduce(observation) { x, layer in
      let y = linear(network, "input_mlp.\(layer * (isNormed ? 3 : 2))", x)
      guard isNormed else { return relu(y) }
      let mean = y.reduce(0, +) / Double(y.count), variance = y.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(y.count)
      let gain = values(network, "input_mlp.\(layer * 3 + 1).weight"), bias = values(network, "input_mlp.\(layer * 3 + 1).bias")
      return relu(y.indices.map { (y[$0] - mean) / (variance + 1e-5).squareRoot() * gain[$0] + bias[$0] })
    }
  }

  /// Q(s, a) = A(s, a), or V(s) + A(s, a) − mean over a′ of A(s, a′).
  private func values(_ network: QNetwork, of latent: [Double]) -> [Double] {
    let isDeep = network.sizes.headHidden > 0, x = isDeep ? relu(linear(network, "output_head.0", latent)) : latent
    let advantages = linear(network, isDeep ? "output_head.2" : "output_head", x)
    guard network.sizes.dueling else { return advantages }
    let value = linear(network, "value_head", x)[0], mean = advantages.reduce(0, +) / Double(advantages.count)
    return advantages.map { value + $0 - mean }
  }

  private func isClose(_ found: some Sequence<Float>, _ expected: [Double]) -> Bool {
    let found = Array(found)
    return found.count == expected.count && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }
  }

  /// In every way that Q-values are computed: of whole windows, with the loss, and one observation at a time.
  @Test(arguments: [EncoderKind.dqn, .lstm, .mamba], [false, true])
  func valuesFollowFromTheWeights(_ encoder: EncoderKind, _ dueling: Bool) throws {
    for (headHidden, layerNorm) in [(0, false), (5, false), (0, true)] {
      let sizes = sizes {
        ($0.encoder, $0.headHidden, $0.layerNorm, $0.dueling) = (encoder, headHidden, layerNorm, dueling)
      }
      var (plain, residual) = (network(sizes), sizes)
      residual.residual = true
      let added = network(residual)  // the same weights
      var numbers = SplitMix64(seed: 8)
      let window = (0..<Self.time * 3).map { _ in Float(numbers.uniform(-2, 2)) }, last = window.suffix(3).map(Double.init)
      let found = plain.evaluate(window, batch: 1, time: Self.time), sum = added.evaluate(window, batch: 1, time: Self.time)
      // DQN's latent is what the input layers make of the last observation; a residual adds it to another encoder's.
      let read = features(plain, last)
      if encoder == .dqn {
        #expect(isClose(found.latent, read) && sum == found)
      } else {
        #expect(isClose(sum.latent, zip(found.latent, read).map { Double($0) + $1 }))
      }
      #expect(isClose(found.q, values(plain, of: found.latent.map(Double.init))))
      #expect(isClose(sum.q, values(plain, of: sum.latent.map(Double.init))))

      plain = added
      let tape = Tape(), actions: [Int32] = [2], target: [Float] = [0], weight: [Float] = [1]
      let (q, _, loss) = window.withUnsafeBufferPointer { window in
        let x = Tensor(data: window.baseAddress!, rows: Self.time, columns: 3)  // never empty
        return plain.members[0](x, time: Self.time, actions: actions, targets: target, weights: weight, limit: 1, on: tape)
      }
      #expect(isClose(q.elements, sum.q.map(Double.init)) && abs(loss.tdErrors[0] + sum.q[2]) < 1e-5)
      let windows = try #require(WindowStepper(plain)), states = try #require(RecurrentStepper(plain))
      var state = [Float](repeating: 0, count: max(states.stateSize, 1))
      for t in 0..<Self.time {
        try window[t * 3..<t * 3 + 3].withUnsafeBufferPointer { x in
          let x = try #require(x.baseAddress), step = states.step(x, state: &state)
          if t == 0 { windows.begin(x) } else { windows.push(x) }
          guard t == Self.time - 1 else { return }
          #expect(isClose((0..<4).map { step.q[$0] }, sum.q.map(Double.init)))
          #expect(isClose((0..<4).map { windows.values[$0] }, sum.q.map(Double.init)))
        }
      }
    }
  }

  /// `outputScale` multiplies the initial weights of the last layer, of value and advantages, and of nothing else.
  @Test func outputScale() {
    for headHidden in [0, 5] {
      let names = [headHidden > 0 ? "output_head.2" : "output_head", "value_head"]
      func weights(_ scale: Double) -> [(name: String, values: [Float])] {
        var generator = SplitMix64(seed: 5)
        let network = QNetwork(sizes { ($0.headHidden, $0.dueling, $0.outputScale) = (headHidden, true, scale) }, &generator)
        return zip(network.block.names, network.block.parameters).map { ($0, Array($1.values)) }
      }
      for (plain, scaled) in zip(weights(1), weights(0.25)) {
        let isLast = names.contains { plain.name.hasPrefix($0 + ".") }
        #expect(scaled.values == plain.values.map { $0 * (isLast ? 0.25 : 1) }, "\(plain.name)")
      }
    }
  }
}
