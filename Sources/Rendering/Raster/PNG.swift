/// PNG files of pixels, by Cairo.
import CCairo
import Environments
import Foundation
import Records

extension Raster {
  public var png: Data { encodedPNG(pixels, width: width, height: height) }
}

/// - Parameter pixels: blue, green, red and one unused byte each, row by row from the top.
func encodedPNG(_ pixels: UnsafeMutableRawBufferPointer, width: Int, height: Int) -> Data {
  let surface = cairo_image_surface_create_for_data(
    pixels.baseAddress?.assumingMemoryBound(to: UInt8.self), CAIRO_FORMAT_RGB24, Int32(width), Int32(height), Int32(width * 4))
  defer { cairo_surface_destroy(surface) }
  var data = Data()
  let status = withUnsafeMutablePointer(to: &data) { target in
    cairo_surface_write_to_png_stream(
      surface,
      { target, bytes, count in
        if let target, let bytes { target.assumingMemoryBound(to: Data.self).pointee.append(bytes, count: Int(count)) }
        return CAIRO_STATUS_SUCCESS
      }, target)
  }
  precondition(status == CAIRO_STATUS_SUCCESS, "Cairo encodes no PNG of \(width) × \(height) pixels")
  return data
}

extension Scene.Bitmap {
  /// As Cairo has them: blue, green, red and one unused byte.
  var opaquePixels: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: width * height * 4) { target, count in
      for pixel in 0..<width * height {
        (target[4 * pixel], target[4 * pixel + 1]) = (pixels[3 * pixel + 2], pixels[3 * pixel + 1])
        (target[4 * pixel + 2], target[4 * pixel + 3]) = (pixels[3 * pixel], 255)
      }
      count = width * height * 4
    }
  }
  /// As a PNG file within a page.
  var dataURL: String {
    var pixels = opaquePixels
    let png = pixels.withUnsafeMutableBytes { encodedPNG($0, width: width, height: height) }
    return "data:image/png;base64," + png.base64EncodedString()
  }
}
