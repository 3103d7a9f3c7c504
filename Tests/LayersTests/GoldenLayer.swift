/// A layer held against a recording of its reference: outputs, final states, every gradient, and the one-position form.
import Autograd
import Foundation
import Kernels
import Layers
import TestSupport
import Testing

struct GoldenLayer {
  let tensors: GoldenTensors
  let batch, time: Int

  /// `name`: a file of Golden/ without its extension.
  init(_ name: String) throws {
    tensors = try GoldenTensors(try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: "safetensors")))
    let shape = try #require(tensors.shape("input"))
    (batch, time) = (shape[0], shape[1])
  }

  /// An entry of the metadata's `settings`, a JSON object.
  func setting(_ key: String) throws -> Double? {
    let text = try #require(tensors.metadata["settings"])
    let settings = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    return (settings[key] as? NSNumber)?.doubleValue
  }

  /// Largest difference over the largest expected value must not exceed `tolerance`, for everything that the file holds.
  /// Angles are compared by sine and cosine.
  func check(_ layer: some SequenceLayer, tolerance: Double = 1e-5) throws {
    let block = ParameterBlock(layer)
    let tape = block.makeTape()
    for (name, parameter) in zip(block.names, block.parameters) {
      #expect(tensors.shape("weight." + name)?.filter { $0 != 1 } == parameter.shape.filter { $0 != 1 }, "\(name)")
      for (i, value) in tensors.floats("weight." + name).enumerated() { parameter.values[i] = value }
    }
    let expectedNames = Set(tensors.names.filter { $0.hasPrefix("weight.") }.map { String($0.dropFirst(7)) })
    #expect(Set(block.names) == expectedNames)

    let input = tensors.floats("input"), x = tape.tensor(rows: batch * time, columns: layer.inputSize)
    x.values.update(from: input, count: input.count)
    let resets = tensors.doubles("reset").map { UInt8($0) }
    let begins = UnsafeMutablePointer<UInt8>.allocate(capacity: max(resets.count, 1))
    defer { begins.deallocate() }
    for (i, value) in resets.enumerated() { begins[i] = value }
    let shape = SequenceShape(batch: batch, time: time, begins: resets.isEmpty ? nil : UnsafePointer(begins))
    let width = layer.stateLayout.count
    let hasState = layer.stateLayout.parts.contains { tensors.shape("initial.\($0.name)_state") != nil }
    let initial = hasState ? tape.tensor(rows: batch, columns: width) : nil
    if let initial { fill(initial, layer.stateLayout, prefix: "initial.") }

    let (y, final) = layer(x, shape, from: initial, reading: .all, on: tape)
    compare(y, "output", tolerance)
    if let final { compareState(final, layer.stateLayout, "final.", tolerance) }

    let upstream = tensors.floats("upstream"), dy = try #require(y.gradient)
    for i in upstream.indices { dy[i] = upstream[i] }
    tape.backward()
    let dx = UnsafeBufferPointer(start: try #require(x.gradient), count: input.count)
    let difference = relativeDifference(Array(dx), tensors.doubles("grad.input"))
    #expect(difference <= tolerance, "grad.input: \(difference)")
    for (name, parameter) in zip(block.names, block.parameters) {
      let gradient = UnsafeBufferPointer(start: try #require(parameter.gradient(on: tape)), count: parameter.count)
      let difference = relativeDifference(Array(gradient), tensors.doubles("grad." + name))
      #expect(difference <= tolerance, "grad.\(name): \(difference)")
    }
    if let initial, let gradient = initial.gradient {
      compareState(
        Tensor(data: gradient, rows: batch, columns: width), layer.stateLayout, "grad.initial.", tolerance, areAngles: false)
    }
    try checkSteps(layer, initial, resets, tolerance)
  }

  /// One position at a time, as the reference's `step` and as the sequence.
  private func checkSteps(_ layer: some SequenceLayer, _ initial: Tensor?, _ resets: [UInt8], _ tolerance: Double) throws {
    let stepper = layer.makeStepper(), width = layer.stateLayout.count
    var outputs = [Float](repeating: 0, count: batch * time * layer.outputSize)
    let input = tensors.floats("input")
    var state = [Float](repeating: 0, count: width)
    for b in 0..<batch {
      for i in 0..<width { state[i] = initial?[b, i] ?? 0 }
      for t in 0..<time {
        let row = b * time + t
        if !resets.isEmpty, resets[row] != 0 { state = [Float](repeating: 0, count: width) }
        let y = input.withUnsafeBufferPointer { stepper.step($0.baseAddress! + row * layer.inputSize, state: &state) }
        for j in 0..<layer.outputSize { outputs[row * layer.outputSize + j] = y[j] }
      }
    }
    for name in ["output", "step.output"] where tensors.shape(name) != nil {
      let difference = relativeDifference(outputs, tensors.doubles(name))
      #expect(difference <= tolerance, "steps against \(name): \(difference)")
    }
  }

  private func fill(_ tensor: Tensor, _ layout: StateLayout, prefix: String) {
    for part in layout.parts {
      let values = tensors.floats("\(prefix)\(part.name)_state"), range = layout.range(of: part.name) ?? 0..<0
      for b in 0..<tensor.rows {
        for i in 0..<part.count { tensor.values[b * layout.count + range.lowerBound + i] = values[b * part.count + i] }
      }
    }
  }

  private func compare(_ tensor: Tensor, _ name: String, _ tolerance: Double) {
    let actual = (0..<tensor.rows).flatMap { row in (0..<tensor.columns).map { tensor[row, $0] } }
    let difference = relativeDifference(actual, tensors.doubles(name))
    #expect(difference <= tolerance, "\(name): \(difference)")
  }

  private func compareState(
    _ tensor: Tensor, _ layout: StateLayout, _ prefix: String, _ tolerance: Double, areAngles: Bool = true
  ) {
    for part in layout.parts {
      let name = "\(prefix)\(part.name)_state", range = layout.range(of: part.name) ?? 0..<0
      var actual = (0..<tensor.rows).flatMap { b in range.map { Double(tensor[b, $0]) } }
      var expected = tensors.doubles(name)
      if areAngles && part.name == "angle" {
        actual = actual.map(sin) + actual.map(cos)
        expected = expected.map(sin) + expected.map(cos)
      }
      let difference = relativeDifference(actual, expected)
      #expect(difference <= tolerance, "\(name): \(difference)")
    }
  }
}
