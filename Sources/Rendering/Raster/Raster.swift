/// Scenes as pixels, by Cairo.
import CCairo
import Environments
import Foundation
import Records

/// A picture of fixed size that scenes are drawn on, one after the other. One thread at a time.
public final class Raster {
  public let width, height: Int
  /// Rows from the top that scenes are drawn on.
  private let sceneHeight: Int
  let scheme: ColourScheme
  private let surface, context: OpaquePointer
  /// What the last scene's first item looked like. It is most often a landscape that stays, and most of the work.
  private var backdrop: (item: Scene.Item, viewport: Scene.Viewport, pixels: [UInt8])?

  /// - Parameters:
  ///   - width: in pixels; the height follows from the viewport. Both are even, because films need that.
  ///   - band: rows below the scene, for `drawBand`; an even number.
  public init(viewport: Scene.Viewport, width: Int, band: Int = 0, scheme: ColourScheme = .dark) {
    precondition(width >= 2 && band >= 0 && band % 2 == 0, "a picture \(width) pixels wide, with a band of \(band)")
    self.width = width / 2 * 2
    sceneHeight = max(2, Int((Double(self.width) * viewport.height / viewport.width / 2).rounded()) * 2)
    height = sceneHeight + band
    self.scheme = scheme
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(self.width), Int32(height))
    context = cairo_create(surface)
    precondition(cairo_status(context) == CAIRO_STATUS_SUCCESS, "Cairo has no picture of \(self.width) × \(height) pixels")
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_set_line_cap(context, CAIRO_LINE_CAP_ROUND)
    cairo_select_font_face(context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  /// Blue, green, red and one unused byte a pixel, row by row from the top; valid until the next drawing.
  public var pixels: UnsafeMutableRawBufferPointer {
    cairo_surface_flush(surface)
    // Rows follow each other without a gap: a pixel is four bytes, and so is Cairo's alignment.
    return UnsafeMutableRawBufferPointer(start: cairo_image_surface_get_data(surface), count: width * height * 4)
  }

  /// Replaces what was drawn.
  public func draw(_ scene: Scene) {
    var items = scene.items[...]
    if let first = items.popFirst() {
      if let backdrop, backdrop.item.sprite === first.sprite, backdrop.item.placement == first.placement,
        backdrop.viewport == scene.viewport
      {
        backdrop.pixels.withUnsafeBytes { pixels.copyMemory(from: $0) }
        cairo_surface_mark_dirty(surface)
      } else {
        fillWithBlack()
        draw(first, in: scene.viewport, on: 0..<sceneHeight)
        backdrop = (first, scene.viewport, Array(pixels))
      }
    } else {
      fillWithBlack()
    }
    for item in items { draw(item, in: scene.viewport, on: 0..<sceneHeight) }
  }

  /// Draws below the scene, in pixels from the lower left corner; `ground` covers what of the scene hangs out of its viewport.
  func drawBand(_ items: [Scene.Item], on ground: Scene.Colour) {
    let view = Scene.Viewport(width: Double(width), height: Double(height - sceneHeight))
    let sheet = Scene.Sprite([.rectangle(0, 0, view.width, view.height, .solid(ground))])
    let ground = Scene.Item(sprite: sheet, placement: Scene.Placement())
    for item in [ground] + items { draw(item, in: view, on: sceneHeight..<height) }
  }

  private func fillWithBlack() {
    cairo_identity_matrix(context)
    cairo_set_source_rgb(context, 0, 0, 0)
    cairo_paint(context)
  }

  private func draw(_ item: Scene.Item, in viewport: Scene.Viewport, on rows: Range<Int>) {
    // Each way its own: the height was rounded, and no row must be left over.
    let scale = Double(width) / viewport.width, rise = Double(rows.count) / viewport.height, place = item.placement
    cairo_identity_matrix(context)
    cairo_translate(context, (place.x - viewport.x) * scale, Double(rows.upperBound) - (place.y - viewport.y) * rise)
    cairo_scale(context, scale, -rise)
    if place.angle != 0 { cairo_rotate(context, place.angle) }
    // Cairo stops for good at a matrix that cannot be inverted.
    guard place.scaleX != 0, place.scaleY != 0 else { return }
    if place.scaleX != 1 || place.scaleY != 1 { cairo_scale(context, place.scaleX, place.scaleY) }
    for shape in item.sprite.shapes { draw(shape, scale: scale) }
  }

  // MARK: - Shapes

  private func draw(_ shape: Scene.Shape, scale: Double) {
    cairo_new_path(context)
    switch shape.outline {
    case .text(let text, let at, let height, let anchor):
      return draw(text, at, pixels: height * scale, anchor, shape.fill)
    case .bitmap(let bitmap, let corner, let width, let height):
      return draw(bitmap, Bounds(corner.x, corner.y, corner.x + width, corner.y + height))
    case .polygon(let points), .line(let points):
      for point in points { cairo_line_to(context, point.x, point.y) }
      if case .polygon = shape.outline { cairo_close_path(context) }
    case .circle(let centre, let radius):
      cairo_arc(context, centre.x, centre.y, radius, 0, 2 * .pi)
    case .rectangle(let corner, let width, let height, let rounding):
      trace(corner, width, height, rounding: min(rounding, min(abs(width), abs(height)) / 2))
    }
    if let fill = shape.fill {
      use(fill, within: shape.bounds)
      cairo_fill_preserve(context)
    }
    if let stroke = shape.stroke {
      use(.solid(stroke.colour), within: shape.bounds)
      cairo_set_line_width(context, stroke.width)
      cairo_stroke_preserve(context)
    }
  }

  private func trace(_ corner: Scene.Point, _ width: Double, _ height: Double, rounding r: Double) {
    guard r > 0 else { return cairo_rectangle(context, corner.x, corner.y, width, height) }
    let (left, bottom, right, top) = (corner.x, corner.y, corner.x + width, corner.y + height)
    cairo_arc(context, right - r, top - r, r, 0, .pi / 2)
    cairo_arc(context, left + r, top - r, r, .pi / 2, .pi)
    cairo_arc(context, left + r, bottom + r, r, .pi, 1.5 * .pi)
    cairo_arc(context, right - r, bottom + r, r, 1.5 * .pi, 2 * .pi)
    cairo_close_path(context)
  }

  private func draw(
    _ text: String, _ at: Scene.Point, pixels: Double, _ anchor: Scene.Shape.Anchor, _ fill: Scene.Paint?
  ) {
    guard let fill else { return }
    var (x, y) = (at.x, at.y)
    cairo_user_to_device(context, &x, &y)
    cairo_save(context)
    cairo_identity_matrix(context)
    cairo_set_font_size(context, pixels)
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    let share = anchor == .start ? 0 : anchor == .middle ? 0.5 : 1
    use(fill, within: Bounds(x, y - pixels, x, y))
    cairo_move_to(context, x - share * extents.x_advance, y)
    cairo_show_text(context, text)
    cairo_restore(context)
  }

  private func draw(_ bitmap: Scene.Bitmap, _ bounds: Bounds) {
    var source = bitmap.opaquePixels
    source.withUnsafeMutableBytes { bytes in
      let image = cairo_image_surface_create_for_data(
        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), CAIRO_FORMAT_RGB24, Int32(bitmap.width), Int32(bitmap.height),
        Int32(bitmap.width * 4))
      cairo_save(context)
      cairo_translate(context, bounds.left, bounds.top)
      cairo_scale(
        context, (bounds.right - bounds.left) / Double(bitmap.width), -(bounds.top - bounds.bottom) / Double(bitmap.height))
      cairo_set_source_surface(context, image, 0, 0)
      cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD)
      cairo_rectangle(context, 0, 0, Double(bitmap.width), Double(bitmap.height))
      cairo_fill(context)
      cairo_restore(context)
      cairo_surface_destroy(image)
    }
  }

  // MARK: - Colours

  private func use(_ paint: Scene.Paint, within bounds: Bounds) {
    func stop(_ pattern: OpaquePointer?, _ offset: Double, _ colour: Scene.Colour) {
      let (r, g, b, a) = scheme.components(of: colour)
      cairo_pattern_add_color_stop_rgba(pattern, offset, r, g, b, a)
    }
    func use(_ pattern: OpaquePointer?, _ first: Scene.Colour, _ last: Scene.Colour) {
      stop(pattern, 0, first)
      stop(pattern, 1, last)
      cairo_set_source(context, pattern)
      cairo_pattern_destroy(pattern)
    }
    switch paint {
    case .solid(let colour):
      let (r, g, b, a) = scheme.components(of: colour)
      cairo_set_source_rgba(context, r, g, b, a)
    case .vertical(let top, let bottom):
      use(cairo_pattern_create_linear(0, bounds.top, 0, bounds.bottom), top, bottom)
    case .radial(let centre, let edge):
      let (x, y) = ((bounds.left + bounds.right) / 2, (bounds.bottom + bounds.top) / 2)
      let radius = max(bounds.right - bounds.left, bounds.top - bounds.bottom) / 2
      use(cairo_pattern_create_radial(x, y, 0, x, y, radius), centre, edge)
    }
  }
}

public enum ColourScheme: Sendable {
  case light, dark

  func components(of colour: Scene.Colour) -> (r: Double, g: Double, b: Double, a: Double) {
    let value = self == .light ? colour.light : colour.dark
    func part(_ shift: UInt32) -> Double { Double(value >> shift & 0xff) / 255 }
    return (part(24), part(16), part(8), part(0))
  }
}
