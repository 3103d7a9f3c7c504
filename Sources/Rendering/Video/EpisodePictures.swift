/// A recorded episode as a folder of PNG files, 00000.png on: what other programs read as a film.
import Foundation
import Records

public struct EpisodePictures {
  let frames: EpisodeFrames

  public init(_ recording: EpisodeRecording, overlay: Bool) { frames = EpisodeFrames(recording, overlay: overlay) }

  /// The folder appears whole or not at all; one that holds anything is refused.
  ///
  /// - Parameter stopRequested: asked between frames; where it holds, nothing is written and the result is false.
  @discardableResult
  public func write(to path: String, stopRequested: () -> Bool = { false }) throws -> Bool {
    let manager = FileManager.default
    var isFolder: ObjCBool = false
    if manager.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue, try manager.contentsOfDirectory(atPath: path).isEmpty else {
        throw FileError(path, "exists; the pictures need a folder of their own: remove it or choose another with --out")
      }
    }
    if let end = path.lastIndex(of: "/"), end != path.startIndex { try makeFolder(String(path[..<end])) }
    let partial = try AtomicFile.temporaryFolder(beside: path)
    defer { try? manager.removeItem(atPath: partial) }
    var number = 0, isStopped = false
    try frames.forEach(on: frames.makeRaster()) { raster in
      isStopped = isStopped || stopRequested()
      if isStopped { return }
      try AtomicFile.write(raster.png, to: "\(partial)/\(String(format: "%05d", number)).png", durable: false)
      number += 1
    }
    if isStopped { return false }
    guard rename(partial, path) == 0 else { throw FileError(path, "cannot be written") }
    return true
  }
}
