/// Pixels where the scene says, and files of them that other programs read.
import Environments
import Foundation
import Records
import Rendering
import TestSupport
import Testing

@Suite struct PictureTests {
  /// Red, green and blue of a pixel, counted from the upper left corner.
  private func pixel(_ raster: Raster, _ x: Int, _ y: Int) -> [UInt8] {
    let at = (y * raster.width + x) * 4
    return [raster.pixels[at + 2], raster.pixels[at + 1], raster.pixels[at]]
  }

  @Test func coloursAndPlaces() {
    let red = Scene.Colour(light: 0xff0000ff, dark: 0x800000ff), blue = Scene.Colour(0x0000ffff), half = Scene.Colour(0xffffff80)
    var scene = Scene(viewport: Scene.Viewport(x: -10, y: -10, width: 20, height: 20))
    scene.add(Scene.Sprite([.rectangle(-10, -10, 20, 20, .solid(blue))]))
    // A bar to the right of its origin, turned a quarter: it points up, because angles count counterclockwise.
    let bar = Scene.Sprite([.rectangle(0, -1, 4, 2, .solid(red)), .rectangle(6, -1, 2, 2, .solid(half))])
    scene.add(bar, at: Scene.Placement(x: 2, y: 0, angle: .pi / 2))
    for scheme in [ColourScheme.light, .dark] {
      let raster = Raster(viewport: scene.viewport, width: 100, scheme: scheme)
      #expect(raster.width == 100 && raster.height == 100)
      // The second drawing finds the first item's picture kept.
      for _ in 0..<2 {
        raster.draw(scene)
        let red: [UInt8] = scheme == .light ? [255, 0, 0] : [128, 0, 0]
        #expect(pixel(raster, 60, 40) == red && pixel(raster, 60, 60) == [0, 0, 255] && pixel(raster, 75, 50) == [0, 0, 255])
        #expect(pixel(raster, 60, 15) == [128, 128, 255])
      }
    }
  }

  @Test func bitmapsStandUpright() {
    let bitmap = Scene.Bitmap(width: 2, height: 2, pixels: [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])
    var scene = Scene(viewport: Scene.Viewport(width: 2, height: 2))
    scene.add(Scene.Sprite([Scene.Shape(.bitmap(bitmap, corner: Scene.Point(0, 0), width: 2, height: 2))]))
    let raster = Raster(viewport: scene.viewport, width: 200)
    raster.draw(scene)
    #expect(pixel(raster, 20, 20) == [255, 0, 0] && pixel(raster, 180, 20) == [0, 255, 0])
    #expect(pixel(raster, 20, 180) == [0, 0, 255] && pixel(raster, 180, 180) == [255, 255, 255])
  }

  @Test func aFolderOfPictures() throws {
    let space = try Workspace(), episode = try landing(seed: 1, isThinking: true)
    let plain = EpisodePictures(episode, overlay: false)
    let folder = space.file("frames")
    #expect(try plain.write(to: folder))
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(names.count == episode.steps.count + 1 && names.first == "00000.png")
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: folder + "/00000.png")))
    #expect(bytes.prefix(8) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    func number(at offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    #expect((number(at: 16), number(at: 20)) == (566, 424))
    // A folder with something in it is left alone.
    #expect(throws: FileError.self) { try plain.write(to: folder) }
    // Stopped: nothing.
    #expect(try !plain.write(to: space.file("never"), stopRequested: { true }))
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path) == ["frames"])
  }

  /// Q-values, action and return stand below the scene, all of which is as it is without them.
  @Test func theOverlayCoversNothing() throws {
    func answering(_ actions: Int) -> RecordedActor {
      var step = 0
      return RecordedActor { _, _, _ in
        step += 1
        return .init(action: step % actions, values: (0..<actions).map { 900 * sin(Float($0 + step)) })
      }
    }
    func play(_ world: any Environment) throws -> EpisodeRecording {
      try EpisodeRecording(of: answering(world.actionSpace.count), subject: "any", in: world, named: "any", seed: 1)
    }
    let episodes = [
      try landing(seed: 1, isThinking: true), try landing(seed: 1), try drive(.highway, seed: 1, action: .idle),
      try play(Highway(options: .highwayFast)), try play(Concentration(.easy)), try play(RepeatPrevious(.easy)),
      try play(TMaze(.active(20))), try play(MemoryChain(length: 9)), try play(PartialPendulum.positionOnly(.hard)),
    ]
    for episode in episodes {
      func pictures(overlay: Bool) -> (raster: Raster, pictures: [[UInt8]]) {
        let frames = EpisodeFrames(episode, overlay: overlay), raster = frames.makeRaster()
        var pictures: [[UInt8]] = []
        frames.forEach(every: frames.count / 4 + 1, on: raster) { pictures.append(Array($0.pixels)) }
        return (raster, pictures)
      }
      let (plain, without) = pictures(overlay: false), (drawn, with) = pictures(overlay: true)
      let width = plain.width, band = drawn.height - plain.height
      #expect(drawn.width == width && band % 2 == 0 && (20..<160).contains(band) && without.count > 1)
      for (without, with) in zip(without, with) {
        #expect(with.prefix(without.count) == without[...])
        // Something is written in it, and not beyond its edges.
        let below = Array(with.dropFirst(without.count)), ground = Array(below.prefix(3))
        let written = (0..<width * band).filter { Array(below[$0 * 4..<$0 * 4 + 3]) != ground }
        #expect(written.count > 100)
        #expect(written.allSatisfy { (4..<width - 4).contains($0 % width) && (2..<band - 2).contains($0 / width) })
      }
    }
  }

  /// The height is rounded to an even number: here one that is almost a pixel more than the scene has.
  @Test func noRowIsLeftOver() {
    var scene = Scene(viewport: Scene.Viewport(width: 84, height: 20))
    scene.add(Scene.Sprite([.rectangle(0, 0, 84, 20, .solid(Scene.Colour(0xff0000ff)))]))
    let raster = Raster(viewport: scene.viewport, width: 1004)
    raster.draw(scene)
    #expect(raster.height == 240 && pixel(raster, 500, 0) == [255, 0, 0] && pixel(raster, 1003, 239) == [255, 0, 0])
  }

  @Test(arguments: [(EpisodeFilm.Format.gif, "GIF89a", 0), (.mp4, "ftyp", 4)])
  func films(_ format: EpisodeFilm.Format, _ mark: String, _ offset: Int) throws {
    let space = try Workspace(), path = space.file("film.\(format.rawValue)")
    let film = EpisodeFilm(try drive(.highwayFast, seed: 3, action: .slower), format: format, overlay: true)
    #expect(try film.write(to: path))
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
    #expect(bytes.count > 10_000 && Array(bytes[offset..<offset + mark.utf8.count]) == Array(mark.utf8))
    if format == .gif {
      #expect([bytes[6], bytes[7], bytes[8], bytes[9]].map(Int.init) == [1004 & 255, 1004 >> 8, 272 & 255, 272 >> 8])
    }
    // Stopped in the middle, or with nowhere to write: nothing is left behind.
    var frames = 0
    #expect(
      try !film.write(
        to: space.file("stopped"),
        stopRequested: {
          frames += 1
          return frames > 40
        }))
    #expect(throws: FileError.self) { try film.write(to: space.file("absent/film")) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: space.path) == ["film.\(format.rawValue)"])
  }
}
