/// The pictures of a recorded episode, in order: what films and folders of pictures are made of.
import Environments

public struct EpisodeFrames {
  let recording: EpisodeRecording
  /// Whether Q-values, action and return are drawn on them.
  let hasOverlay: Bool

  public init(_ recording: EpisodeRecording, overlay: Bool) { (self.recording, hasOverlay) = (recording, overlay) }

  public var count: Int { 1 + recording.steps.reduce(0) { $0 + $1.frames.count } }

  /// Wide scenes are drawn wider: a picture has about as many pixels as Gymnasium's, 600 × 400.
  public func makeRaster() -> Raster {
    let view = recording.opening.viewport
    return Raster(viewport: view, width: Int((240_000 * view.width / view.height).squareRoot().rounded()))
  }

  /// Draws every `stride`-th frame, and the last one in any case, on `raster` and calls `body`.
  public func forEach(every stride: Int = 1, on raster: Raster, _ body: (Raster) throws -> Void) rethrows {
    var (position, total) = (0, 0.0)
    let last = count - 1
    func show(_ scene: Scene, _ overlay: () -> EpisodeOverlay) throws {
      defer { position += 1 }
      guard position % stride == 0 || position == last else { return }
      raster.draw(scene)
      if hasOverlay { raster.overlay(overlay().scene(width: raster.width, height: raster.height)) }
      try body(raster)
    }
    try show(recording.opening) {
      EpisodeOverlay(
        actionNames: recording.actionNames, decision: recording.steps.first?.decision, isTaken: false, step: 0, total: 0)
    }
    for (index, step) in recording.steps.enumerated() {
      total += step.reward
      for frame in step.frames {
        try show(frame) {
          EpisodeOverlay(
            actionNames: recording.actionNames, decision: step.decision, isTaken: true, step: index + 1, total: total)
        }
      }
    }
  }
}
