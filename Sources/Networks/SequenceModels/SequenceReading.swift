/// A model reads sequences of plain arrays: for tools and apps that know no tapes.
import Autograd
import Kernels
import Layers
import Records

/// What comes out at every position, and the state after the last one.
public struct SequenceReading {
  /// [batch, time, …] each, the result first.
  public let outputs: [(name: String, tensor: Safetensors.Tensor)]
  /// [batch, …] each, under the names of the model's `stateLayout`; none of a model that keeps no state.
  public let state: [(name: String, tensor: Safetensors.Tensor)]

  /// Reads `input` [batch, time, width], or `input_ids` [batch, time] for a language model, and `reset` [batch, time] where there
  /// is one (1 where an episode begins), from a file; from the state in another (`state.S` for each part S), or from zero.
  ///
  /// Long sequences are read in pieces with the state handed on, so memory does not grow with their length but by what comes out:
  /// every position's, or the last one's alone as [batch, 1, …].
  /// Throws `FileError` where a tensor is missing or of another shape, or a token none of the model's.
  public init(
    _ model: any SequenceModel, _ input: Safetensors, from state: Safetensors?, reading: Positions = .all
  ) throws {
    let source = try PositionSource(model, input)
    let (batch, time) = (source.batch, source.time), width = model.stateLayout?.count ?? 0
    var rows = try state.map { try Self.rows(model, $0, batch: batch) } ?? [Float](repeating: 0, count: batch * width)
    var begins = state != nil
    // Pieces of about this many rows.
    let piece = width > 0 ? max(1, 4_096 / batch) : time
    var values: [String: [[Float]]] = [:], names: [String] = []
    let tape = Tape()
    func read() throws {
      for start in stride(from: 0, to: time, by: piece) {
        tape.reset()
        let range = start..<min(start + piece, time)
        let x = try source.rows(range, on: tape), resets = source.beginnings(range)
        let initial = begins && width > 0 ? tape.constant(rows: batch, columns: width) : nil
        initial?.values.update(from: rows, count: rows.count)
        let (outputs, final) = withExtendedLifetime(resets) {
          model.outputs(
            x, SequenceShape(batch: batch, time: range.count, begins: resets.pointer), from: initial, on: tape)
        }
        names = outputs.map(\.name)
        for output in outputs {
          let tensor = output.tensor, first = reading == .all ? 0 : range.count - 1
          if reading == .last { values[output.name] = nil }
          for row in 0..<batch * range.count where row % range.count >= first {
            values[output.name, default: Array(repeating: [], count: batch)][row / range.count] += UnsafeBufferPointer(
              start: tensor.values + row * tensor.stride, count: tensor.columns)
          }
        }
        if let final, width > 0 { rows = final.elements }
        begins = true
      }
    }
    try GEMM.onOneThread { try tape.withoutGradient(read) }
    let positions = reading == .all ? time : 1
    outputs = names.map { name in
      let all = (values[name] ?? []).flatMap { $0 }
      return (name, Safetensors.Tensor(shape: [batch, positions, all.count / (batch * positions)], values: all))
    }
    self.state = model.stateLayout.map { StateRows.parts(rows, $0, batch: batch) } ?? []
  }

  private static func rows(_ model: any SequenceModel, _ file: Safetensors, batch: Int) throws -> [Float] {
    guard let layout = model.stateLayout, layout.count > 0 else {
      throw FileError(file.path, "a state was given, and this model keeps none")
    }
    let prefix = "state."
    let known = Set(layout.parts.map { prefix + $0.name })
    if let other = file.names.first(where: { $0.hasPrefix(prefix) && !known.contains($0) }) {
      throw FileError(file.path, "has \(other); this model's state is \(known.sorted().joined(separator: ", "))")
    }
    let rows = try StateRows.read(layout, batch: batch, path: file.path) { name in
      file.shape(of: prefix + name) == nil ? nil : try file.tensor(prefix + name)
    }
    guard let rows else {
      throw FileError(file.path, "has none of \(known.sorted().joined(separator: ", "))")
    }
    return rows
  }
}

/// Positions of a batch of sequences, piece by piece.
private struct PositionSource {
  let batch, time: Int
  private let tokens: [Int]
  private let features: [Float]
  private let width: Int
  private let model: any SequenceModel
  private let reset: Safetensors.Tensor?
  private let path: String

  init(_ model: any SequenceModel, _ file: Safetensors) throws {
    (self.model, path, width) = (model, file.path, model.inputSize)
    let shape: [Int]
    if let language = model as? LanguageModel {
      let ids = try file.integers("input_ids")
      (shape, tokens, features) = (ids.shape, ids.values, [])
      guard shape.count == 2, shape.allSatisfy({ $0 > 0 }) else {
        throw FileError(path, "input_ids has shape \(shape); [batch, time], none of them 0, is needed")
      }
      do {
        for token in tokens { try language.check(token) }
      } catch { throw FileError(path, "input_ids: \(error)") }
    } else {
      let input = try file.finiteTensor("input")
      (shape, tokens, features) = (input.shape, [], input.values)
      guard shape.count == 3, shape.allSatisfy({ $0 > 0 }) else {
        throw FileError(path, "input has shape \(shape); [batch, time, feature], none of them 0, is needed")
      }
      guard shape[2] == width else { throw FileError(path, "input has \(shape[2]) features; the network reads \(width)") }
    }
    (batch, time) = (shape[0], shape[1])
    reset = file.shape(of: "reset") == nil ? nil : try file.tensor("reset")
    _ = try EpisodeBeginnings(reset, batch: batch, time: time, path)
  }

  /// [batch × positions, width].
  func rows(_ range: Range<Int>, on tape: Tape) throws -> Tensor {
    if let language = model as? LanguageModel {
      return try language.embed((0..<batch).flatMap { b in range.map { tokens[b * time + $0] } }, on: tape)
    }
    let x = tape.constant(rows: batch * range.count, columns: width)
    features.withUnsafeBufferPointer { features in
      guard let start = features.baseAddress else { return }
      for b in 0..<batch {
        (x.values + b * range.count * width).update(
          from: start + (b * time + range.lowerBound) * width, count: range.count * width)
      }
    }
    return x
  }

  func beginnings(_ range: Range<Int>) -> EpisodeBeginnings {
    EpisodeBeginnings(reset.map { reset in (0..<batch).flatMap { b in range.map { reset.values[b * time + $0] != 0 } } })
  }
}
