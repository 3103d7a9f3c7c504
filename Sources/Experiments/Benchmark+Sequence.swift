/// Timings of sequence layers by themselves: what docs/benchmarks.md holds against PyTorch and JAX.
import Autograd
import Dispatch
import Kernels
import Layers
import Networks
import Randomness
import Records

/// Sizes of a sequence layer's benchmark.
public struct SequenceBenchmark: Sendable {
  /// Sequences side by side, positions of each, the layer's width, and states a channel.
  public let batch, time, model, states: Int

  /// `batch,length,model,states`, as in `16,64,64,16`.
  public init(_ text: String) throws {
    let numbers = text.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard numbers.count == 4, numbers.allSatisfy({ $0 > 0 }), text.filter({ $0 == "," }).count == 3,
      numbers.reduce(1.0, { $0 * Double($1) }) < 1e10
    else {
      throw UsageError("--shape \(text): four sizes of 1 or more are needed, batch,length,model,states, such as 16,64,64,16")
    }
    self.init(batch: numbers[0], time: numbers[1], model: numbers[2], states: numbers[3])
  }

  init(batch: Int, time: Int, model: Int, states: Int) {
    (self.batch, self.time, self.model, self.states) = (batch, time, model, states)
  }

  var shape: [String: Int] { ["batch": batch, "length": time, "model": model, "states": states] }

  /// The layers that are measured: every one that keeps a state of one size. Mamba-3 turns all of its states.
  static let layers = ["mamba", "mamba2", "mamba3", "lstm", "gru"]

  func layer(_ name: String) throws -> any SequenceLayer {
    var generator = SplitMix64(seed: 1)
    switch name {
    case "mamba": return Mamba1(modelSize: model, stateSize: states, &generator)
    case "mamba2": return Mamba2(modelSize: model, stateSize: states, &generator)
    case "mamba3": return Mamba3(modelSize: model, stateSize: states, ropeFraction: 1, &generator)
    case "lstm": return LSTM(model, model, &generator)
    case "gru": return GRU(model, model, &generator)
    default: throw UsageError("no benchmark of a layer \(name); there are: \(Self.layers.joined(separator: ", "))")
    }
  }
}

extension Benchmark {
  /// Each layer at all positions, forward, and forward and backward for parameters and input; and one position at a time.
  /// With several threads each takes an equal part of the batch.
  public static func sequence(_ sizes: SequenceBenchmark, layers: [String]?, threads: Int) throws -> [BenchmarkLine] {
    var lines: [BenchmarkLine] = []
    for name in layers ?? SequenceBenchmark.layers {
      lines += try passes(of: name, sizes, threads: threads)
      lines.append(try step(of: name, sizes))
    }
    return lines
  }

  /// How the cost of a token grows with the length of a sequence, in nanoseconds a token, up to 65,536 tokens; and one position
  /// at a time up to 100,000, with the bytes of the state that is all there is in memory of the positions before.
  public static func growth(_ sizes: SequenceBenchmark, layers: [String]?, threads: Int) throws -> [BenchmarkLine] {
    var lines: [BenchmarkLine] = []
    for name in layers ?? SequenceBenchmark.layers {
      for time in Swift.sequence(first: 64, next: { $0 < 65_536 ? 4 * $0 : nil }) {
        let long = SequenceBenchmark(batch: sizes.batch, time: time, model: sizes.model, states: sizes.states)
        for var line in try passes(of: name, long, threads: threads) {
          let scale = 1e6 / Double(long.batch * time)
          (line.min, line.median, line.max) = (line.min * scale, line.median * scale, line.max * scale)
          line.unit = "ns/token"
          lines.append(line)
        }
      }
      lines += try steps(of: name, sizes, after: [10, 100, 1_000, 10_000, 100_000])
    }
    return lines
  }

  /// A step after that many others: rounds of ten from the state there.
  private static func steps(of name: String, _ sizes: SequenceBenchmark, after positions: [Int]) throws -> [BenchmarkLine] {
    let layer = try sizes.layer(name), stepper = layer.makeStepper(), width = layer.stateLayout.count, clock = ContinuousClock()
    stepper.parametersChanged()
    var generator = SplitMix64(seed: 2), position = 0
    let inputs = randomBuffer(64 * sizes.model, -1, 1, &generator), state = Buffer(count: width), present = Buffer(count: width)
    func step(_ index: Int, _ state: Buffer) { _ = stepper.step(inputs.pointer + index % 64 * sizes.model, state: state.pointer) }
    return positions.map { goal in
      while position < goal {
        step(position, state)
        position += 1
      }
      let seconds = (0..<400).map { _ in
        present.pointer.update(from: state.pointer, count: width)
        return clock.measure { for index in position..<position + 10 { step(index, present) } } / .seconds(10)
      }.sorted()
      let shape = ["position": goal, "model": sizes.model, "states": sizes.states, "stateBytes": 4 * width]
      return line("\(name) step", shape, "ns", seconds, 1e9, flops: Double(layer.workPerPosition))
    }
  }

  /// The recurrences alone: Mamba-1's scan and Mamba-2's dual form (heads of 64) over `model` channels.
  public static func sequenceScan(_ sizes: SequenceBenchmark) throws -> [BenchmarkLine] {
    let (rows, channels, states) = (sizes.batch * sizes.time, sizes.model, sizes.states)
    guard channels % 64 == 0 else {
      throw UsageError("\(channels) channels do not divide into heads of 64: choose another --shape")
    }
    let heads = channels / 64, shape = SequenceShape(batch: sizes.batch, time: sizes.time)
    var generator = SplitMix64(seed: 2)
    let scan = Inputs(
      [
        ("u", rows, channels, -1, 1), ("step", rows, channels, -5, -3), ("stepBias", 1, channels, 0, 0),
        ("aLog", channels, states, 0, 2.7), ("b", rows, states, -1, 1), ("c", rows, states, -1, 1), ("skip", 1, channels, 1, 1),
        ("gate", rows, channels, -1, 1),
      ], &generator)
    let dual = Inputs(
      [
        ("xbc", rows, channels + 2 * states, -1, 1), ("step", rows, heads, -5, -3), ("stepBias", 1, heads, 0, 0),
        ("aLog", 1, heads, 0, 2.7), ("skip", 1, heads, 1, 1),
      ], &generator)
    return timed("scan mamba", sizes.shape, work: 14 * rows * channels * states) { tape in
      tape.selectiveScan(
        u: scan["u", tape], step: scan["step", tape], stepBias: scan["stepBias", tape], aLog: scan["aLog", tape],
        b: scan["b", tape], c: scan["c", tape], skip: scan["skip", tape], gate: scan["gate", tape], shape: shape, from: nil
      ).out
    }
      + timed("scan mamba2", sizes.shape, work: 4 * rows * channels * states) { tape in
        tape.stateSpaceDual(
          dual["xbc", tape], step: dual["step", tape], stepBias: dual["stepBias", tape], aLog: dual["aLog", tape],
          skip: dual["skip", tape], shape: shape, groups: 1, states: states, from: nil
        ).y
      }
  }

  private static func timed(
    _ name: String, _ shape: [String: Int], work: Int, _ pass: @escaping (Tape) -> Tensor
  ) -> [BenchmarkLine] {
    let tape = Tape()
    let forward = time(warmUp: 2, rounds: 7, minimumSeconds: 0.25) {
      tape.reset()
      _ = tape.withoutGradient { pass(tape) }
    }
    let both = time(warmUp: 2, rounds: 7, minimumSeconds: 0.25) {
      tape.reset()
      fillGradient(of: pass(tape))
      tape.backward()
    }
    return [
      line("\(name) forward", shape, "ms", forward, 1e3, flops: Double(work)),
      line("\(name) forward+backward", shape, "ms", both, 1e3, flops: 3 * Double(work)),
    ]
  }

  private static func passes(of name: String, _ sizes: SequenceBenchmark, threads: Int) throws -> [BenchmarkLine] {
    guard sizes.batch % threads == 0 else {
      throw UsageError("\(threads) threads cannot share a batch of \(sizes.batch) sequences equally")
    }
    let layer = try sizes.layer(name), block = ParameterBlock(layer)
    var generator = SplitMix64(seed: 2)
    let part = sizes.batch / threads
    let workers = (0..<threads).map { _ in PassWorker(layer, block, batch: part, time: sizes.time, &generator) }
    func measure(_ body: @escaping @Sendable (PassWorker) -> Void) -> [Double] {
      time(warmUp: 2, rounds: 7, minimumSeconds: 0.25) {
        if threads == 1 { return body(workers[0]) }
        DispatchQueue.concurrentPerform(iterations: threads) { body(workers[$0]) }
      }
    }
    let work = Double(sizes.batch * sizes.time * layer.workPerPosition)
    return [("forward", measure { $0.forward() }, work), ("forward+backward", measure { $0.both() }, 3 * work)].map {
      var result = line("\(name) \($0)", sizes.shape, "ms", $1, 1e3, flops: $2)
      result.threads = threads
      return result
    }
  }

  private static func step(of name: String, _ sizes: SequenceBenchmark) throws -> BenchmarkLine {
    let layer = try sizes.layer(name), block = ParameterBlock(layer), stepper = layer.makeStepper()
    stepper.parametersChanged()
    var generator = SplitMix64(seed: 2)
    let x = randomBuffer(sizes.model, -1, 1, &generator), state = Buffer(count: max(layer.stateLayout.count, 1))
    let seconds = withExtendedLifetime(block) {
      time(warmUp: 100, rounds: 7, minimumSeconds: 0.25) { _ = stepper.step(x.pointer, state: state.pointer) }
    }
    var result = line(
      "\(name) step", ["batch": 1, "model": sizes.model, "states": sizes.states], "us", seconds, 1e6,
      flops: Double(layer.workPerPosition))
    var total: Float = 0
    let reading = time(warmUp: 100, rounds: 7, minimumSeconds: 0.25) {
      total += PeakRate.total(block.values.count, block.values.pointer)
    }
    precondition(total.isFinite, "the layer's parameters are not finite")
    result.parameterReading = reading[0] * 1e6
    return result
  }
}

private func randomBuffer(_ count: Int, _ low: Double, _ high: Double, _ generator: inout SplitMix64) -> Buffer {
  let buffer = Buffer(count: count)
  for i in 0..<count { buffer.pointer[i] = Float(generator.uniform(low, high)) }
  return buffer
}

/// The gradient of the sum of its entries.
private func fillGradient(of output: Tensor) {
  if let (gradient, _) = output.gradientToWrite() { gradient.update(repeating: 1, count: output.rows * output.columns) }
}

/// Random tensors by name.
private final class Inputs {
  private let values: [String: (buffer: Buffer, rows: Int, columns: Int)]

  init(_ shapes: [(name: String, rows: Int, columns: Int, low: Double, high: Double)], _ generator: inout SplitMix64) {
    values = Dictionary(
      uniqueKeysWithValues: shapes.map {
        ($0.name, (randomBuffer($0.rows * $0.columns, $0.low, $0.high, &generator), $0.rows, $0.columns))
      })
  }

  subscript(_ name: String, _ tape: Tape) -> Tensor {
    guard let value = values[name] else { preconditionFailure("no input \(name)") }
    return tape.differentiable(value.buffer.pointer, rows: value.rows, columns: value.columns)
  }
}

/// One thread's part of a batch, with its own tape over the shared parameters.
/// @unchecked: each is used by one thread at a time.
private final class PassWorker: @unchecked Sendable {
  private let layer: any SequenceLayer
  private let tape: Tape
  private let x: Buffer
  private let shape: SequenceShape
  private let block: ParameterBlock

  init(_ layer: any SequenceLayer, _ block: ParameterBlock, batch: Int, time: Int, _ generator: inout SplitMix64) {
    (self.layer, self.block, tape) = (layer, block, block.makeTape())
    shape = SequenceShape(batch: batch, time: time)
    x = randomBuffer(shape.rows * layer.inputSize, -1, 1, &generator)
  }

  func forward() {
    tape.reset()
    tape.withoutGradient {
      let input = Tensor(data: x.pointer, rows: shape.rows, columns: layer.inputSize)
      _ = layer(input, shape, from: nil, reading: .all, on: tape)
    }
  }

  func both() {
    tape.reset()
    tape.zeroParameterGradients()
    let input = tape.differentiable(x.pointer, rows: shape.rows, columns: layer.inputSize)
    fillGradient(of: layer(input, shape, from: nil, reading: .all, on: tape).output)
    tape.backward()
  }
}
