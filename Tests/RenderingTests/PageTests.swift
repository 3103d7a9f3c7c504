/// The page holds the recorded episode, in less than a megabyte, and nothing that its text could break out of.
import CCairo
import Environments
import Foundation
import Rendering
import Testing

@Suite struct PageTests {
  @Test func readingBackGivesTheEpisode() throws {
    let recordings = [
      try landing(seed: 5, isThinking: true), try landing(seed: 6), try drive(.highway, seed: 1, action: .idle),
    ]
    let page = try PageReader(EpisodePage(recordings).json)
    #expect(page.episodes.count == recordings.count)
    for (episode, recording) in zip(page.episodes, recordings) {
      try check(episode.opening, recording.opening, page)
      #expect(episode.frames.map(\.count) == recording.steps.map(\.frames.count))
      for (frames, step) in zip(episode.frames, recording.steps) {
        for (frame, scene) in zip(frames, step.frames) { try check(frame, scene, page) }
      }
      let fields = episode.fields
      #expect(fields["seed"] as? String == "\(recording.seed)" && fields["actions"] as? [String] == recording.actionNames)
      #expect(PageReader.numbers(fields["chosen"]) == recording.steps.map { Double($0.decision.action) })
      #expect(close(PageReader.numbers(fields["rewards"]), recording.steps.map(\.reward)))
      for (row, step) in zip(fields["values"] as? [Any] ?? [], recording.steps) {
        #expect(close(PageReader.numbers(row), step.decision.values.map(Double.init)))
      }
      let latent = try #require(fields["latent"] as? [String: Any]), scale = (latent["scale"] as? Double) ?? 0
      let bytes = try #require((latent["bytes"] as? String).flatMap { Data(base64Encoded: $0) })
      let expected = recording.steps.flatMap(\.decision.latent)
      #expect(bytes.count == expected.count)
      for (byte, value) in zip(bytes, expected) {
        #expect(abs((Double(byte) - 128) / 127 * scale - Double(value)) <= scale / 250)
      }
      for (index, trace) in (fields["traces"] as? [[String: Any]] ?? []).enumerated() {
        #expect(trace["name"] as? String == "block \(index): mean Δ")
        #expect(close(PageReader.numbers(trace["values"]), recording.steps.map { Double($0.decision.traces[index].value) }))
      }
    }
  }

  /// Places and sprites within half a unit; kinds, colours and texts exactly.
  private func check(_ frame: [[Int]], _ scene: Scene, _ page: PageReader) throws {
    func near(_ number: Int, _ value: Double, _ unit: Double) -> Bool { abs(Double(number) * unit - value) <= unit * 0.5001 }
    try #require(frame.count == scene.items.count + 1)
    let view = scene.viewport
    #expect(near(frame[0][1], view.x, page.unit) && near(frame[0][2], view.y, page.unit))
    #expect(near(frame[0][4], view.width, page.unit) && near(frame[0][5], view.height, page.unit))
    for (slot, item) in zip(frame.dropFirst(), scene.items) {
      let place = item.placement
      #expect(near(slot[1], place.x, page.unit) && near(slot[2], place.y, page.unit) && near(slot[3], place.angle, 1 / 4096))
      #expect(near(slot[4], place.scaleX - 1, 1 / 1024) && near(slot[5], place.scaleY - 1, 1 / 1024))
      let shapes = page.sprites[slot[0]]
      try #require(shapes.count == item.sprite.shapes.count)
      for (packed, shape) in zip(shapes, item.sprite.shapes) {
        let numbers = PageReader.numbers(packed[1])
        let (kind, expected): (String, [Double]) =
          switch shape.outline {
          case .polygon(let points): ("p", points.flatMap { [$0.x, $0.y] })
          case .line(let points): ("l", points.flatMap { [$0.x, $0.y] })
          case .circle(let centre, let radius): ("c", [centre.x, centre.y, radius])
          case .rectangle(let corner, let width, let height, let rounding): ("r", [corner.x, corner.y, width, height, rounding])
          case .text(_, let at, let height, _): ("t", [at.x, at.y, height])
          case .bitmap(_, let corner, let width, let height): ("b", [corner.x, corner.y, width, height])
          }
        #expect(packed[0] as? String == kind && numbers.count == expected.count)
        #expect(zip(numbers, expected).allSatisfy { near(Int($0), $1, page.unit) })
        if case .text(let text, _, _, _) = shape.outline { #expect(packed[4] as? String == text) }
        if case .solid(let colour)? = shape.fill, let index = packed[2] as? Int {
          #expect(UInt32(page.colours[0][index].dropFirst(), radix: 16) == colour.light)
          #expect(UInt32(page.colours[1][index].dropFirst(), radix: 16) == colour.dark)
        }
      }
    }
  }

  private func close(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * max(abs($1), 1e-3) }
  }

  /// A thousand steps with four Q-values, 128 numbers of latent and six traces.
  @Test func aThousandStepsStayBelowAMegabyte() throws {
    let episode = try landing(seed: 2, hoveringAt: 0.7, isThinking: true)
    #expect(episode.truncated && episode.steps.count == 1000)
    #expect(EpisodePage([episode]).html.utf8.count < 600_000)
  }

  @Test func textStaysText() throws {
    let subject = "</script><script>alert(1)</script> & \"<!--\u{2028}"
    let page = EpisodePage([try landing(seed: 5, subject: subject)]), html = page.html
    #expect(!html.contains("<script>alert") && !html.contains("<!--"))
    #expect(html.components(separatedBy: "</script>").count == 3)
    #expect(try PageReader(page.json).episodes[0].fields["subject"] as? String == subject)
    // What a page needs is in it.
    #expect(!html.contains("http:") && !html.contains("https:") && !html.contains(" src=") && !html.contains("@import"))
  }

  /// Bitmaps laid over each other as the page lays them give every frame's pixels.
  @Test func bitmapsComposeToTheFrames() throws {
    let episode = try EpisodeRecording(
      of: RecordedActor { _, _, _ in .init(action: 0) }, subject: "any", in: Film(), named: "film", seed: 0)
    let page = try PageReader(EpisodePage([episode]).json)
    #expect(page.bitmaps.count == 101)
    var board: [UInt8] = []
    for (entry, scene) in zip(page.bitmaps, episode.frames) {
      let numbers = entry.prefix(5).compactMap { ($0 as? NSNumber)?.intValue }
      let (width, base, left, top) = (numbers[0], numbers[2], numbers[3], numbers[4])
      let url = try #require(entry[5] as? String)
      let patch = try decoded(try #require(Data(base64Encoded: String(url.dropFirst("data:image/png;base64,".count)))))
      if base < 0 { board = Array(repeating: 0, count: width * numbers[1] * 3) }
      for y in 0..<patch.height {
        for x in 0..<patch.width * 3 {
          board[((top + y) * width + left) * 3 + x] = patch.pixels[y * patch.width * 3 + x]
        }
      }
      guard case .bitmap(let bitmap, _, _, _)? = scene.items.first?.sprite.shapes.first?.outline else { continue }
      #expect(board == bitmap.pixels)
    }
    // A reader who jumps finds a whole one not far back.
    #expect(page.bitmaps.filter { ($0[2] as? Int) == -1 }.count == 2)
  }

  private func decoded(_ png: Data) throws -> Scene.Bitmap {
    var rest = png
    let surface = withUnsafeMutablePointer(to: &rest) { source in
      cairo_image_surface_create_from_png_stream(
        { source, target, count in
          guard let source, let target else { return CAIRO_STATUS_READ_ERROR }
          let data = source.assumingMemoryBound(to: Data.self)
          data.pointee.copyBytes(to: target, count: Int(count))
          data.pointee = data.pointee.dropFirst(Int(count))
          return CAIRO_STATUS_SUCCESS
        }, source)
    }
    defer { cairo_surface_destroy(surface) }
    try #require(cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS)
    let (width, height) = (Int(cairo_image_surface_get_width(surface)), Int(cairo_image_surface_get_height(surface)))
    let stride = Int(cairo_image_surface_get_stride(surface)), bytes = try #require(cairo_image_surface_get_data(surface))
    let pixels = (0..<height).flatMap { y in
      (0..<width).flatMap { x in (0..<3).map { bytes[y * stride + 4 * x + 2 - $0] } }
    }
    return Scene.Bitmap(width: width, height: height, pixels: pixels)
  }
}

/// Draws itself as a bitmap: a square that wanders over noise, a hundred steps.
private struct Film: Drawable {
  let observationSpace = BoxSpace(shape: [1], low: [0], high: [1])
  let actionSpace = DiscreteSpace(names: ["ON"])
  let framesPerSecond = 30.0
  private var steps = 0
  mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) { steps = 0 }
  mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    steps += 1
    return Step(reward: 0, terminated: steps == 100, truncated: false)
  }
  func scene() -> Scene {
    let (width, height) = (37, 23)
    var pixels = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * 2_654_435_761 >> 7) }
    let (left, top) = (steps % (width - 4), steps * 3 % (height - 4))
    for y in top..<top + 4 { for x in left..<left + 4 { pixels[(y * width + x) * 3 + 1] = UInt8(steps) } }
    let shape = Scene.Shape(
      .bitmap(Scene.Bitmap(width: width, height: height, pixels: pixels), corner: Scene.Point(0, 0), width: 37, height: 23))
    return Scene(
      viewport: Scene.Viewport(width: 37, height: 23),
      items: [Scene.Item(sprite: Scene.Sprite([shape]), placement: Scene.Placement())])
  }
}
