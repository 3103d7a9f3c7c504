/// What is hidden from the agent is not hidden from those who watch.

extension MaskedEnvironment: Drawable {
  public var isDrawable: Bool { (environment as? any Drawable)?.isDrawable ?? false }
  public var framesPerSecond: Double { whole.framesPerSecond }

  public func scene() throws -> Scene { try whole.scene() }

  public mutating func step(
    _ action: Int, into observation: UnsafeMutableBufferPointer<Float>, showing show: (Scene) throws -> Void
  ) throws -> Step {
    var drawn = whole
    defer { environment = drawn }
    let step = try values.withUnsafeMutableBufferPointer { try drawn.step(action, into: $0, showing: show) }
    self.show(into: observation)
    return step
  }

  private var whole: any Drawable {
    guard let whole = environment as? any Drawable else { preconditionFailure("what is masked does not draw itself") }
    return whole
  }
}
