import Agents
import Networks
import Records
import Foundation
var config = ExperimentConfig()
if CommandLine.arguments.contains("dqn") { config.encoder = .dqn }
let obs = 8
let agent = try! QuickBench(config)
struct QuickBench {
  init(_ config: ExperimentConfig) throws {
    var g = Quick()
    let learner = g.learner(config)
    let n = 64 * 10 * 8
    let s = (0..<n).map { _ in Float.random(in: -1...1) }, s2 = (0..<n).map { _ in Float.random(in: -1...1) }
    let a = (0..<64).map { Int32($0 % 4) }, r = (0..<64).map { _ in Float.random(in: -1...1) }, w = (0..<64).map { _ in Float.random(in: 0.1...1) }
    let c = (0..<64).map { $0 % 20 == 0 }
    var times: [Double] = []
    for _ in 0..<(config.encoder == .dqn ? 20000 : CommandLine.arguments.contains("act") ? 5 : 300) {
      let t = DispatchTime.now().uptimeNanoseconds
      _ = try s.withUnsafeBufferPointer { s in try s2.withUnsafeBufferPointer { s2 in try a.withUnsafeBufferPointer { a in try r.withUnsafeBufferPointer { r in try w.withUnsafeBufferPointer { w in try c.withUnsafeBufferPointer { c in
        try learner.update(LearningBatch(count: 64, states: s.baseAddress!, nextStates: s2.baseAddress!, actions: a.baseAddress!, rewards: r.baseAddress!, weights: w.baseAddress!, cut: c.baseAddress!)) }}}}}}
      times.append(Double(DispatchTime.now().uptimeNanoseconds - t) / 1e6)
    }
    if config.encoder == .mamba, let st = WindowStepper(learner.online) {
      st.begin(s)
      var t2: [Double] = []
      for _ in 0..<500 { let t = DispatchTime.now().uptimeNanoseconds; for i in 0..<200 { s.withUnsafeBufferPointer { st.push($0.baseAddress! + i * 8) } }; t2.append(Double(DispatchTime.now().uptimeNanoseconds - t) / 200e3) }
      t2.sort(); print("act us", t2[0], t2[250])
    }
    times.sort()
    print("min", times[0], "median", times[times.count/2], "max", times[times.count-1])
  }
}
struct Quick { var g = SplitMix64Box()
  mutating func learner(_ c: ExperimentConfig) -> Learner { Learner(sizes: NetworkSizes(c, observationSize: 8, actionCount: 4), config: c, generator: &g.g) } }
import Randomness
struct SplitMix64Box { var g = SplitMix64(seed: 1) }
