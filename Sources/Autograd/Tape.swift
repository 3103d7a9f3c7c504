/// A small tape over fused operations. A forward pass writes operations into the arena one after another; `backward` runs
/// their pullbacks in reverse. About twenty operations make one learner update, and after the first update nothing is
/// allocated: operations are plain values that live in the arena beside the activations.

/// One node: what a forward pass must remember, and how a gradient goes back through it. Forward (a method on `Tape`) and
/// pullback stand together in one file under Operations/. A pullback reads the gradients of its outputs and adds to those
/// of its inputs.
public protocol Operation: BitwiseCopyable {
  func pullback(_ tape: Tape)
}

extension Operation {
  fileprivate static func pull(at node: UnsafeMutableRawPointer, _ tape: Tape) {
    node.assumingMemoryBound(to: Self.self).pointee.pullback(tape)
  }
}

public final class Tape {
  private var arena = Arena()
  private var nodes: [(type: any Operation.Type, node: UnsafeMutableRawPointer)] = []
  /// False in no-gradient mode: tensors get no gradient and operations are not recorded.
  public private(set) var isRecording = true

  /// The parameters of which gradients are wanted, and the gradients, laid out as they are.
  private let parameters: Buffer?
  private let parameterGradients: Buffer?

  /// Without gradients of parameters.
  public init() { (parameters, parameterGradients) = (nil, nil) }

  /// With the gradients of a block of parameters, in a buffer laid out as they are. They are added to until
  /// `zeroParameterGradients`.
  public init(differentiating parameters: Buffer, into gradients: Buffer) {
    precondition(parameters.count == gradients.count, "\(gradients.count) gradients of \(parameters.count) parameters")
    (self.parameters, parameterGradients) = (parameters, gradients)
  }
  deinit { arena.release() }

  /// Forgets all tensors and operations of the last pass.
  public func reset() {
    arena.reset()
    nodes.removeAll(keepingCapacity: true)
  }

  /// Runs `body` in no-gradient mode.
  public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = isRecording
    isRecording = false
    defer { isRecording = before }
    return try body()
  }

  /// The gradients of a block of parameters, or nil where they are constant: another block's, or in no-gradient mode.
  public func gradient(of values: Buffer) -> UnsafeMutablePointer<Float>? {
    isRecording && values === parameters ? parameterGradients?.pointer : nil
  }

  public func zeroParameterGradients() {
    if let gradients = parameterGradients { gradients.pointer.update(repeating: 0, count: gradients.count) }
  }

  /// A dense tensor whose values are not initialised and whose gradient, if any, counts as zero.
  public func tensor(rows: Int, columns: Int) -> Tensor { tensor(rows: rows, columns: columns, stride: columns) }

  /// The same with rows `stride` floats apart.
  func tensor(rows: Int, columns: Int, stride: Int) -> Tensor {
    differentiable(floats(rows * stride), rows: rows, columns: columns, stride: stride)
  }

  /// Somebody's data as a dense tensor, whose gradient, if any, is on the tape and counts as zero.
  public func differentiable(_ values: UnsafePointer<Float>, rows: Int, columns: Int) -> Tensor {
    differentiable(values, rows: rows, columns: columns, stride: columns)
  }

  private func differentiable(_ values: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int) -> Tensor {
    let values = UnsafeMutablePointer(mutating: values)
    guard isRecording else {
      return Tensor(values: values, gradient: nil, rows: rows, columns: columns, stride: stride)
    }
    let gradient = floats(rows * stride)
    let freshness = freshness(.init(start: gradient, rows: rows, columns: columns, stride: stride))
    return Tensor(
      values: values, gradientStorage: gradient, freshness: freshness, rows: rows, columns: columns, stride: stride)
  }

  func freshness(_ initial: Tensor.Freshness) -> UnsafeMutablePointer<Tensor.Freshness> {
    arena.allocate(MemoryLayout<Tensor.Freshness>.size).initializeMemory(as: Tensor.Freshness.self, to: initial)
  }

  /// A dense tensor of which no gradient is wanted; its values are not initialised.
  public func constant(rows: Int, columns: Int) -> Tensor {
    Tensor(values: floats(rows * columns), gradient: nil, rows: rows, columns: columns)
  }

  /// Uninitialised floats, valid until `reset`.
  public func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    arena.allocate(count * MemoryLayout<Float>.stride).bindMemory(to: Float.self, capacity: count)
  }

  /// Uninitialised bytes, valid until `reset`.
  public func bytes(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    arena.allocate(count).bindMemory(to: UInt8.self, capacity: count)
  }

  /// Uninitialised whole numbers, valid until `reset`.
  func integers(_ count: Int) -> UnsafeMutablePointer<Int32> {
    arena.allocate(count * MemoryLayout<Int32>.stride).bindMemory(to: Int32.self, capacity: count)
  }

  public func record<Node: Operation>(_ operation: Node) {
    guard isRecording else { return }
    let node = arena.allocate(MemoryLayout<Node>.size)
    node.initializeMemory(as: Node.self, to: operation)
    nodes.append((Node.self, node))
  }

  /// Runs every pullback, the last operation's first. The gradient of the result was set by the caller or by a loss.
  public func backward() {
    for (type, node) in nodes.reversed() { type.pull(at: node, self) }
  }

  /// Bytes the arena holds.
  public var byteCount: Int { arena.byteCount }
}
