/// The two cyclic redundancy checks our file formats ask for.

enum CRC {
  /// CRC-32C (Castagnoli), masked as TFRecord masks it.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let value = checksum(bytes, table: castagnoli)
    return (value >> 15 | value << 17) &+ 0xa282_ead8
  }
  /// CRC-32 (IEEE 802.3), as zip uses it.
  static func zip(_ bytes: [UInt8]) -> UInt32 { checksum(bytes, table: ieee) }

  private static let castagnoli = table(0x82f6_3b78)
  private static let ieee = table(0xedb8_8320)

  private static func table(_ polynomial: UInt32) -> [UInt32] {
    (0..<256).map { start in (0..<8).reduce(UInt32(start)) { value, _ in value >> 1 ^ (value & 1 == 1 ? polynomial : 0) } }
  }
  private static func checksum(_ bytes: [UInt8], table: [UInt32]) -> UInt32 {
    ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }
}
