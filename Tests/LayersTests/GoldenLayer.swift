/// A layer held against a recording of its reference: outputs, final states, every gradient, and the one-position form.
import Foundation
import Layers
import Networks
import Records
import TestSupport
import Testing

struct GoldenLayer {
  let tensors: GoldenTensors

  /// `name`: a file of Golden/ without its extension.
  init(_ name: String) throws {
    tensors = try GoldenTensors(try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors")))
  }

  /// An entry of the metadata's `settings`, a JSON object.
  func setting(_ key: String) throws -> Double? {
    let text = try #require(tensors.metadata["settings"])
    let settings = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    return (settings[key] as? NSNumber)?.doubleValue
  }

  /// Largest difference over the largest expected value must not exceed `tolerance`, for everything that the file holds: as
  /// `mamba-dqn parity`, but from a layer that its settings describe and a reader of its own.
  func check(_ layer: some SequenceLayer, tolerance: Double = 1e-5) throws {
    let model = LayerModel(layer)
    for (name, parameter) in zip(model.block.names, model.block.parameters) {
      #expect(tensors.shape("weight." + name)?.filter { $0 != 1 } == parameter.shape.filter { $0 != 1 }, "\(name)")
      for (i, value) in tensors.floats("weight." + name).enumerated() { parameter.values[i] = value }
    }
    let expectedNames = Set(tensors.names.filter { $0.hasPrefix("weight.") }.map { String($0.dropFirst(7)) })
    #expect(Set(model.block.names) == expectedNames)

    let others = tensors.names.filter { !$0.hasPrefix("weight.") }
    let golden = Golden(
      path: "golden",
      tensors: Dictionary(
        uniqueKeysWithValues: others.map { ($0, .init(shape: tensors.shape($0) ?? [], values: tensors.floats($0))) }),
      metadata: tensors.metadata)
    let lines = try Parity.lines(golden, model, tolerance: tolerance)
    // The output twice, the input's gradient, the parameters'.
    #expect(lines.count >= 3 + model.block.names.count)
    for line in lines { #expect(line.isWithin, "\(line.name): \(line.error)") }
  }
}
