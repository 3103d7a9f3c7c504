/// The pictures of a recorded episode, in order: what films and folders of pictures are made of.
import Environments

public struct EpisodeFrames {
  let recording: EpisodeRecording
  /// Q-values, action and return below the scene, where nothing of it is covered.
  let overlay: EpisodeOverlay?

  public init(_ recording: EpisodeRecording, overlay: Bool) {
    self.recording = recording
    self.overlay = overlay ? EpisodeOverlay(recording, width: Self.width(of: recording)) : nil
  }

  public var count: Int { 1 + recording.steps.reduce(0) { $0 + $1.frames.count } }

  /// Wide scenes are drawn wider: a picture has about as many pixels as Gymnasium's, 600 × 400.
  public func makeRaster() -> Raster {
    Raster(viewport: recording.opening.viewport, width: Self.width(of: recording), band: overlay?.height ?? 0)
  }
  private static func width(of recording: EpisodeRecording) -> Int {
    let view = recording.opening.viewport
    return Int((240_000 * view.width / view.height).squareRoot().rounded())
  }

  /// Draws every `stride`-th frame, and the last one in any case, on `raster` and calls `body`.
  public func forEach(every stride: Int = 1, on raster: Raster, _ body: (Raster) throws -> Void) rethrows {
    var (position, total) = (0, 0.0)
    let last = count - 1
    func show(_ scene: Scene, _ decision: EpisodeRecording.Decision?, _ step: Int, isTaken: Bool) throws {
      defer { position += 1 }
      guard position % stride == 0 || position == last else { return }
      raster.draw(scene)
      if let overlay {
        raster.drawBand(overlay.items(decision, isTaken: isTaken, step: step, total: total), on: EpisodeOverlay.ground)
      }
      try body(raster)
    }
    try show(recording.opening, recording.steps.first?.decision, 0, isTaken: false)
    for (index, step) in recording.steps.enumerated() {
      total += step.reward
      for frame in step.frames { try show(frame, step.decision, index + 1, isTaken: true) }
    }
  }
}
