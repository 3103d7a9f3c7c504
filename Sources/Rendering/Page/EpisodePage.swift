/// Recorded episodes as one HTML file that needs nothing else: open it, offline too, and it plays.
import Environments
import Foundation
import Records

public struct EpisodePage {
  let episodes: [EpisodeRecording]

  public init(_ episodes: [EpisodeRecording]) {
    precondition(!episodes.isEmpty, "a page of no episodes")
    self.episodes = episodes
  }

  /// The look of every page: its colours, light and dark, panels, buttons.
  public static var style: String { String(decoding: PackageResources.player_css, as: UTF8.self) }

  public func write(to path: String) throws { try AtomicFile.write(Data(html.utf8), to: path, durable: false) }

  public var html: String {
    let first = episodes[0]
    let title = "\(first.environment): \(first.subject)"
    let body = """
      \(String(decoding: PackageResources.player_html, as: UTF8.self))
      <script type="application/json" id="data">\(json)</script>
      """
    return Self.document(
      title: title, style: Self.style, body: body, script: String(decoding: PackageResources.player_js, as: UTF8.self))
  }

  /// A page that needs nothing else. The title is escaped here; style and script end with a line's end.
  ///
  /// - Parameter head: what else its head holds, each line with its end.
  public static func document(title: String, head: String = "", style: String, body: String, script: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(title.markupEscaped)</title>
    \(head)<style>
    \(style)</style>
    </head>
    <body>
    \(body)
    <script>
    \(script)</script>
    </body>
    </html>

    """
  }

  /// The page's data. `player.js` reads it; docs of the frames' layout stand at `ScenePacker` and `BitmapTable`.
  package var json: String {
    // Films of bitmaps are coarser where they would not fit.
    for shrinking in [1, 2, 3, 4] {
      let (json, bitmapBytes) = json(shrinking: shrinking)
      if shrinking == 4 || bitmapBytes <= Self.bitmapLimit * episodes.count { return json }
    }
    preconditionFailure("the last of the loop returns")
  }

  /// Bytes of an episode's bitmaps: an episode's page shall stay below a megabyte.
  private static let bitmapLimit = 700_000

  private func json(shrinking: Int) -> (json: String, bitmapBytes: Int) {
    var packer = ScenePacker(viewport: episodes[0].opening.viewport, shrinking: shrinking)
    let packed = episodes.map { Self.pack($0, &packer) }
    let json = """
      {"unit":\(packer.unit),"colours":\(packer.coloursJSON),"sprites":[\(packer.sprites.joined(separator: ","))],
      "bitmaps":[\(packer.bitmaps.entries.joined(separator: ","))],
      "episodes":[\(packed.joined(separator: ",\n"))]}
      """
    return (json, packer.bitmaps.byteCount)
  }

  private static func pack(_ episode: EpisodeRecording, _ packer: inout ScenePacker) -> String {
    packer.beginEpisode()
    let opening = packer.frame(episode.opening)
    let frames = episode.steps.map { step in "[\(step.frames.map { packer.frame($0) }.joined(separator: ","))]" }
    let decisions = episode.steps.map(\.decision)
    let traces = (decisions.first?.traces ?? []).enumerated().map { index, trace in
      "{\"name\":\(JSONText.quoted(trace.name)),\"values\":\(JSONText.numbers(decisions.map { Double($0.traces[index].value) }))}"
    }
    let latent = LatentStrip(decisions.map(\.latent))
    let fields = [
      ("environment", JSONText.quoted(episode.environment)), ("subject", JSONText.quoted(episode.subject)),
      ("seed", "\"\(episode.seed)\""), ("fps", JSONText.number(episode.framesPerSecond)),
      ("end", JSONText.quoted(episode.terminated ? "terminated" : episode.truncated ? "truncated" : "stopped")),
      ("actions", "[\(episode.actionNames.map(JSONText.quoted).joined(separator: ","))]"), ("opening", opening),
      ("frames", "[\(frames.joined(separator: ","))]"), ("chosen", JSONText.numbers(decisions.map { Double($0.action) })),
      ("rewards", JSONText.numbers(episode.steps.map(\.reward))),
      ("values", "[\(decisions.map { JSONText.numbers($0.values.map(Double.init)) }.joined(separator: ","))]"),
      ("latent", "{\"size\":\(latent.size),\"scale\":\(JSONText.number(Double(latent.scale))),\"bytes\":\"\(latent.base64)\"}"),
      ("traces", "[\(traces.joined(separator: ","))]"),
    ]
    return "{\(fields.map { "\"\($0)\":\($1)" }.joined(separator: ","))}"
  }
}

/// The latents of an episode, a byte a number: 128 is 0, 1 is -scale, 255 is scale.
struct LatentStrip {
  let size: Int
  /// The largest number's magnitude.
  let scale: Float
  private let bytes: [UInt8]

  init(_ latents: [[Float]]) {
    size = latents.first?.count ?? 0
    let scale = latents.joined().reduce(0) { max($0, $1.isFinite ? abs($1) : 0) }
    self.scale = scale
    bytes = latents.joined().map { value in
      let share = value.isFinite && scale > 0 ? max(-1, min(1, value / scale)) : 0
      return UInt8(128 + (share * 127).rounded())
    }
  }
  var base64: String { Data(bytes).base64EncodedString() }
}
