/// `ffmpeg` as a child process that is handed raw frames on a pipe.
import Foundation
import Records

#if canImport(Glibc)
  import Glibc
#endif

/// Takes frames of one size; what it writes to appears whole or not at all. Its file is gone with it unless `finish` was called.
public final class FFmpeg {
  private let process = Process()
  private let frames = Pipe(), errors = Pipe()
  private let path: String
  private var isFinished = false

  /// Throws, in one line, where it is missing: to be asked before an episode is played for a film.
  public static func requireInstalled() throws { _ = try executable }

  /// Searched on PATH.
  private static var executable: String {
    get throws {
      let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      if let found = folders.map({ "\($0)/ffmpeg" }).first(where: FileManager.default.isExecutableFile) { return found }
      throw FileError("ffmpeg", "is missing; GIF and MP4 need it: as root, apt-get install ffmpeg (html and png do without)")
    }
  }

  /// - Parameters:
  ///   - arguments: what follows the first input, which is our frames; `path` is added.
  ///   - path: what it writes.
  init(width: Int, height: Int, framesPerSecond: Double, arguments: [String], to path: String) throws {
    self.path = path
    process.executableURL = URL(fileURLWithPath: try Self.executable)
    process.arguments =
      ["-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "bgr0", "-s", "\(width)x\(height)"]
      + ["-framerate", "\(framesPerSecond)", "-i", "pipe:0"] + arguments + [path]
    process.standardInput = frames
    process.standardError = errors
    // An ffmpeg that stopped shows as an error of `write`, not as our death.
    signal(SIGPIPE, SIG_IGN)
    try process.run()
    try? frames.fileHandleForReading.close()
  }

  deinit {
    guard !isFinished else { return }
    try? frames.fileHandleForWriting.close()
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
    unlink(path)
  }

  func write(_ frame: UnsafeRawBufferPointer) throws {
    var rest = frame
    while let base = rest.baseAddress, rest.count > 0 {
      let written = Foundation.write(frames.fileHandleForWriting.fileDescriptor, base, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        try finish()
        throw FileError(path, "ffmpeg stopped before the last frame")
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// No more frames: waits until the file is whole.
  func finish() throws {
    try? frames.fileHandleForWriting.close()
    let message = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw FileError(path, "ffmpeg cannot write it: \(message.split(separator: "\n").last ?? "it says no more")")
    }
    isFinished = true
  }
}
