/// The box that a shape's gradients are measured in.
import Environments

struct Bounds: Equatable {
  var left, bottom, right, top: Double
  init(_ left: Double, _ bottom: Double, _ right: Double, _ top: Double) {
    (self.left, self.bottom, self.right, self.top) = (left, bottom, right, top)
  }
}

extension Scene.Shape {
  var bounds: Bounds {
    switch outline {
    case .polygon(let points), .line(let points):
      return Bounds(
        points.map(\.x).min() ?? 0, points.map(\.y).min() ?? 0, points.map(\.x).max() ?? 0, points.map(\.y).max() ?? 0)
    case .circle(let centre, let radius):
      return Bounds(centre.x - radius, centre.y - radius, centre.x + radius, centre.y + radius)
    case .rectangle(let corner, let width, let height, _), .bitmap(_, let corner, let width, let height):
      return Bounds(corner.x, corner.y, corner.x + width, corner.y + height)
    case .text(_, let at, let height, _): return Bounds(at.x, at.y, at.x, at.y + height)
    }
  }
}
