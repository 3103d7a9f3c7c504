/// A Gymnasium environment as it draws itself: its `rgb_array` frame as the whole scene.
import Environments

extension GymnasiumEnvironment: Drawable {
  public var isDrawable: Bool { isRendering }

  /// As its author says (`metadata["render_fps"]`); 30, as Gymnasium has it, where he does not.
  public var framesPerSecond: Double { renderFramesPerSecond.flatMap { $0 > 0 ? $0 : nil } ?? 30 }

  /// One unit a pixel.
  public func scene() throws -> Scene {
    precondition(isRendering, "\(name.id) was not made to be drawn")
    let reply = try picture()
    func size(at offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(reply[offset + $1]) << (8 * $1) } }
    guard reply.count > 8, reply.count == 8 + size(at: 0) * size(at: 4) * 3 else {
      throw GymnasiumError("\(name.id): the Python worker sent a picture of \(reply.count) bytes, which is not one")
    }
    let (height, width) = (size(at: 0), size(at: 4))
    let bitmap = Scene.Bitmap(width: width, height: height, pixels: Array(reply[8...]))
    return Scene(
      viewport: Scene.Viewport(width: Double(width), height: Double(height)),
      items: [
        Scene.Item(
          sprite: Scene.Sprite([
            Scene.Shape(.bitmap(bitmap, corner: Scene.Point(0, 0), width: Double(width), height: Double(height)))
          ]), placement: Scene.Placement())
      ])
  }
}
