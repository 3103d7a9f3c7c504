/// Recorded episodes as files: which format goes where, and the two files that a finished run leaves behind.
import Environments
import Foundation
import Records
import Rendering

/// How a recorded episode is written.
public enum EpisodeFormat: String, CaseIterable, Sendable {
  /// A page that plays, one of two films, or a folder of pictures.
  case html, gif, mp4, png

  /// What a place without an extension becomes: a file, or for png a folder of pictures.
  func path(_ stem: String) -> String { self == .png ? "\(stem)-frames" : "\(stem).\(rawValue)" }

  /// What the user chose, and where nothing, what the place's ending says.
  ///
  /// - Parameter out: the place, if the user gave one.
  public init(_ chosen: EpisodeFormat?, for out: String?) throws {
    let ending = out.flatMap { EpisodeFormat(rawValue: ($0 as NSString).pathExtension.lowercased()) }
    if let chosen, let ending, let out, chosen != ending {
      throw UsageError("--out \(out) ends as a \(ending.rawValue) does, and --format is \(chosen.rawValue): make them agree")
    }
    self = chosen ?? ending ?? .html
  }

  /// A file that the user gave no ending gets this one's.
  fileprivate func place(_ out: String) -> String {
    self == .png || out.hasSuffix("/") || !(out as NSString).pathExtension.isEmpty ? out : path(out)
  }
}

/// Writes `count` episodes: one page that lets one choose among them, or a film or folder of pictures each, whose names then
/// carry the seed. Returns the paths of what is whole; fewer where it was asked to stop.
///
/// - Parameters:
///   - out: what the user chose, or nil for the recorder's default.
///   - overlay: whether Q-values, action and return are drawn on pictures. A page shows them beside the scene.
public func writeEpisodes(
  _ recorder: EpisodeRecorder, count: Int, seed: UInt64, format: EpisodeFormat, overlay: Bool, to out: String?,
  stopRequested: () -> Bool = { false }
) throws -> [String] {
  let path = out.map(format.place) ?? defaultPlace(recorder.defaultStem, format, count, seed)
  if format == .html {
    var recordings: [EpisodeRecording] = []
    for index in 0..<count where !stopRequested() {
      recordings.append(try recorder.record(seed: seed &+ UInt64(index), stopRequested: stopRequested))
    }
    if stopRequested() { return [] }
    try EpisodePage(recordings).write(to: path)
    return [path]
  }
  var written: [String] = []
  for index in 0..<count {
    let seed = seed &+ UInt64(index)
    let target = count == 1 ? path : numbered(path, seed)
    if let film = EpisodeFilm.Format(rawValue: format.rawValue) {
      try FFmpeg.requireInstalled()
      let recording = try recorder.record(seed: seed, stopRequested: stopRequested)
      guard try EpisodeFilm(recording, format: film, overlay: overlay).write(to: target, stopRequested: stopRequested) else {
        break
      }
    } else {
      let recording = try recorder.record(seed: seed, stopRequested: stopRequested)
      guard try EpisodePictures(recording, overlay: overlay).write(to: target, stopRequested: stopRequested) else { break }
    }
    written.append(target)
  }
  return written
}

/// The name alone is that of the first episode, which a run leaves behind at its end; others carry their seeds.
private func defaultPlace(_ stem: String, _ format: EpisodeFormat, _ count: Int, _ seed: UInt64) -> String {
  if format == .html && count > 1 { return format.path("\(stem)-seeds\(seed)-\(seed &+ UInt64(count) &- 1)") }
  return count == 1 && seed != 0 ? numbered(format.path(stem), seed) : format.path(stem)
}

/// `a/episode.gif` → `a/episode-seed7.gif`.
private func numbered(_ path: String, _ seed: UInt64) -> String {
  let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "", name = path.dropFirst(folder.count)
  guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "\(path)-seed\(seed)" }
  return "\(folder)\(name[..<dot])-seed\(seed)\(name[dot...])"
}

extension RunFolder {
  /// The page of an episode at the run's end.
  public var episodePage: String { "\(path)/episode.html" }
  /// The film of it.
  public var episodeFilm: String { "\(path)/episode.gif" }
}

/// One greedy episode into its run folder, as `episode.html` and, where ffmpeg is installed, `episode.gif`.
///
/// - Returns: what was written, and why there is no film where there is none.
public func leaveEpisode(
  of actor: RecordedActor, in entry: EnvironmentEntry, seed: UInt64, to folder: RunFolder, stopRequested: () -> Bool = { false }
) throws -> (paths: [String], problem: String?) {
  let recording = try EpisodeRecording(
    of: actor, subject: folder.path, in: entry.makeDrawable(), named: entry.name, seed: seed, stopRequested: stopRequested)
  try EpisodePage([recording]).write(to: folder.episodePage)
  do {
    try FFmpeg.requireInstalled()
    let isWhole = try EpisodeFilm(recording, format: .gif, overlay: false).write(
      to: folder.episodeFilm, stopRequested: stopRequested)
    return ([folder.episodePage] + (isWhole ? [folder.episodeFilm] : []), nil)
  } catch let error as FileError {
    return ([folder.episodePage], error.description)
  }
}
