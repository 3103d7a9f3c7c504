/// A model held against a recording of its reference: results, states, every gradient, and the one-position form.
import Autograd
import Foundation
import Kernels
import Layers
import Records

/// How far a model is from a recording of its reference.
public struct Parity {
  /// One quantity's largest difference.
  public struct Line: Equatable, Sendable {
    /// The golden's tensor, or what was compared with it.
    public let name: String
    /// Largest difference over the largest expected value; infinite where shapes differ or a number is none.
    public let error: Double
    /// The largest that is allowed.
    public let tolerance: Double
    /// Whether it is.
    public var isWithin: Bool { error <= tolerance }
  }

  private(set) var lines: [Line] = []
  /// What a whole golden has and this one does not.
  var missing: [String] = []
  let golden: Golden
  /// Of every tensor; nil: the golden's own.
  private let tolerance: Double?
  private var compared: Set<String> = []

  init(_ golden: Golden, tolerance: Double? = nil) { (self.golden, self.tolerance) = (golden, tolerance) }

  init(_ golden: Golden, _ model: some SequenceModel, tolerance: Double? = nil) throws {
    self.init(golden, tolerance: tolerance)
    try compare(model)
  }

  /// A golden of a layer or a Q-network, whose parameters are the golden's `weight.P` already. One line for each of its tensors.
  ///
  /// Throws `FileError` where the golden cannot be the model's: a tensor is missing or of another shape.
  public static func lines(_ golden: Golden, _ model: some SequenceModel, tolerance: Double? = nil) throws -> [Line] {
    try Parity(golden, model, tolerance: tolerance).lines
  }

  private mutating func compare(_ model: some SequenceModel) throws {
    let input = try golden.tensor("input"), tape = model.block.makeTape()
    guard input.shape.count == 3, input.shape.allSatisfy({ $0 > 0 }), input.shape[2] == model.inputSize else {
      throw golden.error("input has shape \(input.shape); [batch, time, \(model.inputSize)], none of them 0, is needed")
    }
    let (batch, time, layout) = (input.shape[0], input.shape[1], model.stateLayout ?? StateLayout())
    let x = tape.tensor(rows: batch * time, columns: model.inputSize)
    x.values.update(from: input.values, count: input.values.count)
    let begins = try EpisodeBeginnings(golden.tensors["reset"], batch: batch, time: time, golden.path)
    let shape = SequenceShape(batch: batch, time: time, begins: begins.pointer)
    let rows = try stateRows(layout, batch: batch)
    let initial = rows.map { rows in
      let state = tape.tensor(rows: batch, columns: layout.count)
      state.values.update(from: rows, count: rows.count)
      return state
    }

    let (outputs, final) = model.outputs(x, shape, from: initial, on: tape)
    if let result = outputs.first { _ = try golden.tensor(result.name) }
    for output in outputs { compare(output.tensor, output.name, shape) }
    if let final { compareState(final, layout) { "final.\($0)_state" } }
    guard let result = outputs.first else { return }

    let upstream = try golden.tensor("upstream"), expected = [batch, time, result.tensor.columns]
    guard upstream.shape == expected, let dy = result.tensor.gradient else {
      throw golden.error("upstream has shape \(upstream.shape); that of \(result.name), \(expected), is needed")
    }
    dy.update(from: upstream.values, count: upstream.values.count)
    tape.backward()
    compare(x.gradient, count: input.values.count, "grad.input")
    for (name, parameter) in zip(model.block.names, model.block.parameters) {
      compare(parameter.gradient(on: tape), count: parameter.count, "grad." + name)
    }
    if let initial, let gradient = initial.gradient {
      compareState(Tensor(data: gradient, rows: batch, columns: layout.count), layout, areAngles: false) {
        "grad.initial.\($0)_state"
      }
    }
    compareSteps(model, input, rows, begins, result.name, columns: result.tensor.columns)
    reportRest(["input", "upstream", "reset"] + layout.parts.map { "initial.\($0.name)_state" })
  }

  /// A golden's tensor that nothing was held against is no success.
  mutating func reportRest(_ givens: [String]) {
    for name in golden.tensors.keys.sorted() where !compared.contains(name) && !givens.contains(name) {
      guard !name.hasPrefix(Golden.weightPrefix) else { continue }
      noteFailure(name, "the model has no such thing")
    }
  }

  /// `initial.S_state` of every part, [batch, layout.count] row-major; nil where the golden begins at zero.
  private func stateRows(_ layout: StateLayout, batch: Int) throws -> [Float]? {
    try StateRows.read(layout, batch: batch, path: golden.path) { golden.tensors["initial.\($0)_state"] }
  }

  /// One position at a time.
  private mutating func compareSteps(
    _ model: some SequenceModel, _ input: Safetensors.Tensor, _ initial: [Float]?, _ begins: EpisodeBeginnings, _ result: String,
    columns: Int
  ) {
    guard let stepper = model.makeStepper(), let layout = model.stateLayout else { return }
    let (batch, time, width) = (input.shape[0], input.shape[1], layout.count)
    var outputs: [Float] = []
    // The states after every position of which the golden has them, [batch, width].
    let moments = (0..<time).filter { t in layout.parts.contains { golden.tensors["step.\($0.name)_state.\(t)"] != nil } }
    var states: [Int: [Float]] = [:]
    let state = Buffer(count: width)
    for b in 0..<batch {
      for i in 0..<width { state.pointer[i] = initial?[b * width + i] ?? 0 }
      for t in 0..<time {
        let row = b * time + t
        if begins[row] { state.pointer.update(repeating: 0, count: width) }
        let y = input.values.withUnsafeBufferPointer { values in
          values.baseAddress.map { stepper.step($0 + row * model.inputSize, state: state.pointer) }
        }
        outputs += UnsafeBufferPointer(start: y, count: columns)
        if moments.contains(t) { states[t, default: []] += UnsafeBufferPointer(start: state.pointer, count: width) }
      }
    }
    let shape = [batch, time, columns]
    compare(outputs, result, shape: shape, called: "\(result), step by step")
    let names = ["step.\(result)", "\(result).step"].filter { golden.tensors[$0] != nil }
    for name in names { compare(outputs, name, shape: shape) }
    if names.isEmpty { missing.append("step.\(result)") }
    if moments.isEmpty { missing += layout.parts.map { "step.\($0.name)_state.T" } }
    for (t, values) in states.sorted(by: { $0.key < $1.key }) {
      values.withUnsafeBufferPointer { values in
        guard let start = values.baseAddress else { return }
        compareState(Tensor(data: start, rows: batch, columns: width), layout) { "step.\($0)_state.\(t)" }
      }
    }
  }

  private mutating func compareState(
    _ tensor: Tensor, _ layout: StateLayout, areAngles: Bool = true, _ name: (String) -> String
  ) {
    var start = 0
    for part in layout.parts {
      let name = name(part.name), range = start..<start + part.count
      start = range.upperBound
      guard isThere(name) else { continue }
      let actual = (0..<tensor.rows).flatMap { row in range.map { tensor[row, $0] } }
      compare(actual, name, areAngles: areAngles && part.name.split(separator: ".").last == "angle")
    }
  }

  /// Whether the golden has a tensor that it need not have. If not that is remembered.
  mutating func isThere(_ name: String) -> Bool {
    let isThere = golden.tensors[name] != nil
    if !isThere { missing.append(name) }
    return isThere
  }

  mutating func compare(_ tensor: Tensor, _ name: String, _ shape: SequenceShape) {
    compare(tensor.elements, name, shape: [shape.batch, shape.time, tensor.columns])
  }
  private mutating func compare(_ gradient: UnsafeMutablePointer<Float>?, count: Int, _ name: String) {
    compare(gradient.map { Array(UnsafeBufferPointer(start: $0, count: count)) } ?? [], name)
  }

  mutating func note(_ line: Line) { lines.append(line) }
  private mutating func noteFailure(_ name: String, _ problem: String) {
    note(Line(name: "\(name) (\(problem))", error: .infinity, tolerance: tolerance(of: name)))
  }

  private func tolerance(of name: String) -> Double { tolerance ?? golden.tolerance(of: name) }

  /// Angles are compared by sine and cosine, being equal modulo 2π. A tensor that the golden lacks, or has in another shape than
  /// `shape`, fails.
  mutating func compare(
    _ actual: [Float], _ name: String, shape: [Int]? = nil, called: String? = nil, areAngles: Bool = false
  ) {
    compared.insert(name)
    guard let recorded = golden.tensors[name] else { return noteFailure(called ?? name, "not in the file") }
    guard shape == nil || shape == recorded.shape else {
      return noteFailure(called ?? name, "of shape \(recorded.shape) in the file; \(shape ?? []) is needed")
    }
    var actual = actual.map { Double($0) }, expected = recorded.values.map { Double($0) }
    if areAngles {
      actual = actual.map(sin) + actual.map(cos)
      expected = expected.map(sin) + expected.map(cos)
    }
    note(Line(name: called ?? name, error: Self.relativeDifference(actual, expected), tolerance: tolerance(of: name)))
  }

  /// Largest absolute difference over the largest absolute value of `expected`; infinite where their numbers differ, where
  /// there are none, or where one of them is not finite.
  static func relativeDifference(_ actual: [Double], _ expected: [Double]) -> Double {
    guard actual.count == expected.count, !expected.isEmpty else { return .infinity }
    var difference = 0.0, scale = Double.leastNormalMagnitude
    for (a, e) in zip(actual, expected) {
      guard a.isFinite, e.isFinite else { return .infinity }
      difference = max(difference, abs(a - e))
      scale = max(scale, abs(e))
    }
    return difference / scale
  }
}
