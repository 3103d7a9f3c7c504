/// A scene as pixels, by Cairo.
import CCairo
import Environments
import Foundation
import Records

extension Scene.Bitmap {
  /// As a PNG file within a page.
  var dataURL: String { "" }
}
