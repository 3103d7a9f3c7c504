/// One description per encoder: its name, how it is built as the published network's encoder and as the blocks of a residual
/// stack, and how a weights file of it is recognised. Each stands in its own file under Architectures/.
import Autograd
import Layers
import Randomness
import Records

/// What the package knows of one kind of encoder.
public struct Architecture: Sendable {
  /// Its name.
  public let kind: EncoderKind
  /// The encoder on its own, without norm and residual.
  let makeEncoder: @Sendable (NetworkSizes, inout SplitMix64) -> any SequenceEncoder
  /// The mixers of one block of a residual stack: usually one.
  let makeMixers: @Sendable (NetworkSizes, inout SplitMix64) -> [any SequenceLayer]
  /// What a block's mixers remember between positions, before any is made.
  let stateLayout: @Sendable (NetworkSizes) -> StateLayout
  /// Where an encoder's tensors stand in a published network, such as `mamba.`.
  let prefix: String
  /// Whether the tensors under a prefix are its own; if so, completes the sizes from their shapes.
  let recognise: @Sendable (TensorShapes, inout NetworkSizes) throws -> Bool

  /// Every encoder there is. A new one is a file beside the others and a line here.
  public static let all = [dqn, lstm, gru, transformer, mamba, mamba2, mamba3]

  /// Nil where there is none of that name.
  public static func named(_ name: String) -> Architecture? { all.first { $0.kind.rawValue == name } }
  /// All of them, separated by commas.
  public static var names: String { all.map(\.kind.rawValue).joined(separator: ", ") }

  /// Floating-point operations of a forward pass of torso, blocks and head at one position.
  public static func workPerPosition(_ sizes: NetworkSizes) -> Int {
    var generator = SplitMix64(seed: 0)
    let mixers = of(sizes).makeMixers(sizes, &generator).reduce(0) { $0 + $1.workPerPosition }
    let torso = Torso(sizes, &generator), head = Head(sizes, &generator)
    return torso.work + max(sizes.layers, 1) * sizes.parts * mixers + head.work
  }

  static func of(_ sizes: NetworkSizes) -> Architecture {
    guard let found = named(sizes.encoder.rawValue) else { preconditionFailure("no encoder \(sizes.encoder.rawValue)") }
    return found
  }

  /// A published encoder, or a residual stack.
  static func encoder(_ sizes: NetworkSizes, _ generator: inout SplitMix64) -> any SequenceEncoder {
    let architecture = of(sizes)
    guard sizes.norm == .rms else { return architecture.makeEncoder(sizes, &generator) }
    let blocks = (0..<sizes.layers).flatMap { _ in architecture.makeMixers(sizes, &generator).map { ResidualBlock($0) } }
    return StackEncoder(SequenceStack(blocks), width: sizes.modelSize)
  }
}

/// The shapes of a file's tensors under a prefix, and errors that name the file.
struct TensorShapes {
  let file: Safetensors
  let prefix: String

  subscript(_ name: String) -> [Int]? { file.shape(of: prefix + name) }
  func error(_ name: String, _ problem: String) -> FileError { FileError(file.path, "\(prefix)\(name) \(problem)") }

  /// To be asked before anything is made of sizes that the file's other tensors gave.
  ///
  /// Throws `FileError` where the tensor has another shape.
  func require(_ name: String, _ expected: [Int]) throws {
    let found = try shape(name, expected.count)
    guard found == expected else {
      throw error(name, "has shape \(found); with the file's other shapes it must be \(expected)")
    }
  }

  /// A tensor's shape, of which `rank` dimensions are expected, none of them 0.
  func shape(_ name: String, _ rank: Int) throws -> [Int] {
    guard let shape = self[name] else { throw FileError(file.path, "has no tensor \(prefix)\(name)") }
    guard shape.count == rank, shape.allSatisfy({ $0 > 0 }) else {
      throw error(name, "has shape \(shape); \(rank) dimensions, none of them 0, are needed")
    }
    return shape
  }
}
