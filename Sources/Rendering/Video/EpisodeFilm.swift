/// A recorded episode as a GIF or MP4 that plays at the environment's own speed.
import Foundation
import Records

public struct EpisodeFilm {
  public enum Format: String, Sendable { case gif, mp4 }

  let frames: EpisodeFrames
  let format: Format

  public init(_ recording: EpisodeRecording, format: Format, overlay: Bool) {
    (frames, self.format) = (EpisodeFrames(recording, overlay: overlay), format)
  }

  /// Players show a GIF's frames no faster than 50 a second, and half of that is half the file.
  private static let fastestGIF = 25.0
  /// How long the last frame is held, seconds: what came of it should be seen.
  private static let pause = 1.5

  /// - Parameter stopRequested: asked between frames; where it holds, nothing is written and the result is false.
  @discardableResult
  public func write(to path: String, stopRequested: () -> Bool = { false }) throws -> Bool {
    let partial = try AtomicFile.temporaryFile(beside: path)
    defer { unlink(partial) }  // where it was not renamed
    let isWhole =
      switch format {
      case .gif: try writeGIF(to: partial, stopRequested)
      case .mp4: try writeMP4(to: partial, stopRequested)
      }
    guard isWhole else { return false }
    guard rename(partial, path) == 0 else { throw FileError(path, "cannot be written") }
    return true
  }

  private func writeMP4(to path: String, _ stopRequested: () -> Bool) throws -> Bool {
    try encode(
      every: 1, to: path,
      [
        // Converted first: the frames that are held are not converted again.
        "-vf", "format=yuv420p,tpad=stop_mode=clone:stop_duration=\(Self.pause)", "-c:v", "libx264", "-preset", "veryfast",
        "-crf", "20",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4",
      ], stopRequested)
  }

  /// Twice through the frames: first through some of them for the 256 colours, then through all. (In one pass ffmpeg would
  /// hold the whole film in memory.)
  private func writeGIF(to path: String, _ stopRequested: () -> Bool) throws -> Bool {
    let palette = try AtomicFile.temporaryFile(beside: path)
    defer { unlink(palette) }
    let some = max(1, frames.count / 24)
    guard try encode(every: some, to: palette, ["-vf", "palettegen=stats_mode=full", "-f", "apng"], stopRequested) else {
      return false
    }
    let stride = max(1, Int((frames.recording.framesPerSecond / Self.fastestGIF).rounded(.up)))
    return try encode(
      every: stride, to: path,
      [
        "-i", palette, "-lavfi", "paletteuse=dither=none:diff_mode=rectangle", "-final_delay", "\(Int(Self.pause * 100))",
        "-f", "gif",
      ], stopRequested)
  }

  private func encode(every stride: Int, to path: String, _ arguments: [String], _ stopRequested: () -> Bool) throws -> Bool {
    let raster = frames.makeRaster()
    let encoder = try FFmpeg(
      width: raster.width, height: raster.height, framesPerSecond: frames.recording.framesPerSecond / Double(stride),
      arguments: arguments, to: path)
    var isStopped = false
    try frames.forEach(every: stride, on: raster) { raster in
      isStopped = isStopped || stopRequested()
      if !isStopped { try encoder.write(UnsafeRawBufferPointer(raster.pixels)) }
    }
    if !isStopped { try encoder.finish() }
    return !isStopped
  }
}
