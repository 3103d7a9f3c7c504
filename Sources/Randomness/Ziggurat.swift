/// The tables of numpy's normal distribution. They are written out because numpy's were rounded on the way (a calculation to
/// more digits differs in the last ones), and the same draws need the same bits.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// 256 layers under exp(-x²/2), each of the same area; layer 0 is the lowest and holds the tail.
enum Ziggurat {
  /// Where the tail begins.
  static let edge = 3.6541528853610088
  static let inverseEdge = 0.27366123732975828

  /// exp(-x²/2) at the right end of a layer: computed, because it only ever decides a comparison.
  static func height(_ layer: Int) -> Double {
    if layer == 0 { return 1 }
    let x = Double(bitPattern: widths[layer]) * 0x1p52
    return exp(-0.5 * x * x)
  }

  /// By layer: a 52-bit number below this lies under the curve for certain.
  static let insides: [UInt64] = [
    0x000e_f33d_8025_ef6a, 0x0000_0000_0000_0000, 0x000c_08be_98fb_c6a8, 0x000d_a354_fabd_8142, 0x000e_51f6_7ec1_eeea,
    0x000e_b255_e9d3_f77e, 0x000e_ef4b_817e_cab9, 0x000f_1947_0afa_44aa, 0x000f_37ed_61ff_cb18, 0x000f_4f46_9561_255c,
    0x000f_61a5_e41b_a396, 0x000f_707a_7553_96a4, 0x000f_7cb2_ec28_449a, 0x000f_86f1_0c63_57d3, 0x000f_8fa6_5783_25de,
    0x000f_9724_c74d_d0da, 0x000f_9da9_07db_f509, 0x000f_a360_f581_fa74, 0x000f_a86f_de5b_4bf8, 0x000f_acf1_60d3_54dc,
    0x000f_b0fb_6718_b90f, 0x000f_b49f_8d53_74c6, 0x000f_b7ec_2366_fe77, 0x000f_baec_e9a1_e50e, 0x000f_bdab_9d04_0bed,
    0x000f_c030_60ff_6c57, 0x000f_c282_1037_a248, 0x000f_c4a6_7ae2_5bd1, 0x000f_c6a2_977a_ee31, 0x000f_c87a_a928_96a4,
    0x000f_ca32_5e4b_de85, 0x000f_cbcc_e902_231a, 0x000f_cd4d_12f8_39c4, 0x000f_ceb5_4d8f_ec99, 0x000f_d007_bf1d_c930,
    0x000f_d146_4dd6_c4e6, 0x000f_d272_a8e2_f450, 0x000f_d38e_4ff0_c91e, 0x000f_d49a_9990_b478, 0x000f_d598_b892_0f53,
    0x000f_d689_c08e_99ec, 0x000f_d76e_a9c8_e832, 0x000f_d848_547b_08e8, 0x000f_d917_8bad_2c8c, 0x000f_d9dd_07a7_add2,
    0x000f_da99_7010_5e8c, 0x000f_db4d_5dc0_2e20, 0x000f_dbf9_5c5b_fcd0, 0x000f_dc9d_ebb9_9a7d, 0x000f_dd3b_8118_729d,
    0x000f_ddd2_8834_2f90, 0x000f_de63_6436_9f64, 0x000f_deee_708d_514e, 0x000f_df74_01a6_b42e, 0x000f_dff4_6599_ed40,
    0x000f_e06f_e4bc_24f2, 0x000f_e0e6_c225_a258, 0x000f_e159_3c28_b84c, 0x000f_e1c7_8cbc_3f99, 0x000f_e231_e9db_1caa,
    0x000f_e298_85da_1b91, 0x000f_e2fb_8fb5_4186, 0x000f_e35b_3355_8d4a, 0x000f_e3b7_99d0_002a, 0x000f_e410_e99e_ad7f,
    0x000f_e467_46d4_7734, 0x000f_e4ba_d34c_095c, 0x000f_e50b_aed2_9524, 0x000f_e559_f74e_bc78, 0x000f_e5a5_c8e4_1212,
    0x000f_e5ef_3e13_8689, 0x000f_e636_6fd9_1078, 0x000f_e67b_75c6_d578, 0x000f_e6be_661e_11aa, 0x000f_e6ff_55e5_f4f2,
    0x000f_e73e_5900_a702, 0x000f_e77b_823e_9e39, 0x000f_e7b6_e370_70a2, 0x000f_e7f0_8d77_4243, 0x000f_e828_9053_f08c,
    0x000f_e85e_fb35_173a, 0x000f_e893_dc84_0864, 0x000f_e8c7_41f0_cebc, 0x000f_e8f9_387d_4ef6, 0x000f_e929_cc87_9b1d,
    0x000f_e959_09d3_88ea, 0x000f_e986_fb93_9aa2, 0x000f_e9b3_ac71_4866, 0x000f_e9df_2694_b6d5, 0x000f_ea09_73ab_e67c,
    0x000f_ea32_9cf1_66a4, 0x000f_ea5a_ab32_952c, 0x000f_ea81_a6d5_741a, 0x000f_eaa7_97de_1cf0, 0x000f_eacc_85f3_d920,
    0x000f_eaf0_7865_e63c, 0x000f_eb13_762f_ec13, 0x000f_eb35_85fe_2a4a, 0x000f_eb56_ae31_62b4, 0x000f_eb76_f4e2_84fa,
    0x000f_eb96_5fe6_2014, 0x000f_ebb4_f4cf_9d7c, 0x000f_ebd2_b8f4_49d0, 0x000f_ebef_b16e_2e3e, 0x000f_ec0b_e31e_bde8,
    0x000f_ec27_52b1_5a15, 0x000f_ec42_049d_afd3, 0x000f_ec5b_fd29_f196, 0x000f_ec75_406c_eef4, 0x000f_ec8d_d250_0cb4,
    0x000f_eca5_b691_1f12, 0x000f_ecbc_f0c4_27fe, 0x000f_ecd3_8454_fb15, 0x000f_ece9_7488_c8b3, 0x000f_ecfe_c47f_91b7,
    0x000f_ed13_7735_8528, 0x000f_ed27_8f84_4903, 0x000f_ed3b_1024_2f4c, 0x000f_ed4d_fbad_586e, 0x000f_ed60_5498_c3dd,
    0x000f_ed72_1d41_4fe8, 0x000f_ed83_57e4_a982, 0x000f_ed94_06a4_2cc8, 0x000f_eda4_2b85_b704, 0x000f_edb3_c874_6ab4,
    0x000f_edc2_df41_6652, 0x000f_edd1_71a4_6e52, 0x000f_eddf_813c_8ad3, 0x000f_eded_0f90_9980, 0x000f_edfa_1e0f_d414,
    0x000f_ee06_ae12_4bc4, 0x000f_ee12_c0d9_5a06, 0x000f_ee1e_5790_06e0, 0x000f_ee29_734b_6524, 0x000f_ee34_150a_e4bc,
    0x000f_ee3e_3db8_9b3c, 0x000f_ee47_ee29_82f4, 0x000f_ee51_271d_b086, 0x000f_ee59_e940_7f41, 0x000f_ee62_3528_b42e,
    0x000f_ee6a_0b58_97f1, 0x000f_ee71_6c3e_077a, 0x000f_ee78_5832_7b82, 0x000f_ee7e_cf7b_06ba, 0x000f_ee84_d248_4ab2,
    0x000f_ee8a_60b6_6343, 0x000f_ee8f_7acc_c851, 0x000f_ee94_207e_25da, 0x000f_ee98_51a8_29ea, 0x000f_ee9c_0e13_485c,
    0x000f_ee9f_5572_73f4, 0x000f_eea2_2762_ccae, 0x000f_eea4_836b_42ac, 0x000f_eea6_68fc_2d71, 0x000f_eea7_d76e_d6fa,
    0x000f_eea8_ce04_fa0a, 0x000f_eea9_4be8_333b, 0x000f_eea9_5029_6410, 0x000f_eea8_d9c0_075e, 0x000f_eea7_e789_7654,
    0x000f_eea6_7848_1d24, 0x000f_eea4_8aa2_9e83, 0x000f_eea2_1d22_e4da, 0x000f_ee9f_2e35_2024, 0x000f_ee9b_bc26_af2e,
    0x000f_ee97_c524_f2e4, 0x000f_ee93_473c_0a3a, 0x000f_ee8e_4055_7516, 0x000f_ee88_ae36_9c7a, 0x000f_ee82_8e7f_3dfd,
    0x000f_ee7b_dea7_b888, 0x000f_ee74_9bff_37ff, 0x000f_ee6c_c3a9_bd5e, 0x000f_ee64_529e_007e, 0x000f_ee5b_45a3_2888,
    0x000f_ee51_994e_57b6, 0x000f_ee47_4a00_06cf, 0x000f_ee3c_53e1_2c50, 0x000f_ee30_b2e0_2ad8, 0x000f_ee24_62ad_8205,
    0x000f_ee17_5eb8_3c5a, 0x000f_ee09_a22a_1447, 0x000f_edfb_27e3_49cc, 0x000f_edeb_ea76_216c, 0x000f_eddb_e422_047e,
    0x000f_edcb_0ece_39d3, 0x000f_edb9_6404_2cf4, 0x000f_eda6_dce9_38c9, 0x000f_ed93_7237_e98d, 0x000f_ed7f_1c38_a836,
    0x000f_ed69_d2b9_c02b, 0x000f_ed53_8d06_ae00, 0x000f_ed3c_41de_a422, 0x000f_ed23_e76a_2fd8, 0x000f_ed0a_732f_e644,
    0x000f_ecef_da07_fe34, 0x000f_ecd4_100e_b7b8, 0x000f_ecb7_0895_6eb4, 0x000f_ec98_b612_30c1, 0x000f_ec79_0a0d_a978,
    0x000f_ec57_f50f_31fe, 0x000f_ec35_6686_c962, 0x000f_ec11_4cb4_b335, 0x000f_ebeb_948e_6fd0, 0x000f_ebc4_29a0_b692,
    0x000f_eb9a_f5ee_0cdc, 0x000f_eb6f_e1c9_8542, 0x000f_eb42_d3ad_1f9e, 0x000f_eb13_b00b_2d4b, 0x000f_eae2_591a_02e9,
    0x000f_eaae_ae99_2257, 0x000f_ea78_8d8e_e326, 0x000f_ea3f_cffd_73e5, 0x000f_ea04_4c8d_d9f6, 0x000f_e9c5_d62f_563b,
    0x000f_e984_3ba9_47a4, 0x000f_e93f_471d_4728, 0x000f_e8f6_bd76_c5d6, 0x000f_e8aa_5dc4_e8e6, 0x000f_e859_e07a_b1ea,
    0x000f_e804_f690_a940, 0x000f_e7ab_4882_33c0, 0x000f_e74c_751f_6aa5, 0x000f_e6e8_102a_a202, 0x000f_e67d_a0b6_abd8,
    0x000f_e60c_9f38_307e, 0x000f_e594_7338_f742, 0x000f_e514_7097_7280, 0x000f_e48b_d436_f458, 0x000f_e3f9_bffd_1e37,
    0x000f_e35d_35ee_b19c, 0x000f_e2b5_122f_e4fe, 0x000f_e200_0399_5557, 0x000f_e13c_8278_8314, 0x000f_e068_c4ee_67b0,
    0x000f_df82_b02b_71aa, 0x000f_de87_c57e_feaa, 0x000f_dd75_09c6_3bfd, 0x000f_dc46_e529_bf13, 0x000f_daf8_f82e_0282,
    0x000f_d985_e1b2_ba75, 0x000f_d7e6_ef48_cf04, 0x000f_d613_adbd_650b, 0x000f_d401_49e2_f012, 0x000f_d1a1_a7b4_c7ac,
    0x000f_cee2_0476_1f9e, 0x000f_cba8_d85e_11b2, 0x000f_c7d2_6ecd_2d22, 0x000f_c32b_2f1e_22ed, 0x000f_bd65_81c0_b83a,
    0x000f_b606_c400_5434, 0x000f_ac40_582a_2874, 0x000f_9e97_1e01_4598, 0x000f_89fa_48a4_1dfc, 0x000f_66c5_f7f0_302c,
    0x000f_1a5a_4b33_1c4a,
  ]

  /// By layer: what a 52-bit number is multiplied with, as the bits of a Double.
  static let widths: [UInt64] = [
    0x3ccf_493b_7815_d979, 0x3c8b_8d0b_e3fd_f6c6, 0x3c92_50af_3c2c_5bb4, 0x3c95_7cb9_3844_3b61, 0x3c98_01fc_e82f_a70c,
    0x3c9a_230c_2e4c_d0bc, 0x3c9c_004d_2f38_61f7, 0x3c9d_ac2f_5a74_7274, 0x3c9f_3248_2d4c_d5c3, 0x3ca0_4d32_278e_bbad,
    0x3ca0_f505_3b02_5d43, 0x3ca1_92a6_9741_3677, 0x3ca2_27a2_8f7a_1af5, 0x3ca2_b52e_3863_d880, 0x3ca3_3c3f_c057_91f5,
    0x3ca3_bd9e_c1a2_b12f, 0x3ca4_39ef_8dff_9b55, 0x3ca4_b1bb_363d_fea7, 0x3ca5_2575_621a_d374, 0x3ca5_9580_a707_ce96,
    0x3ca6_0231_cfd9_7eea, 0x3ca6_6bd2_61a3_7c3d, 0x3ca6_d2a2_9200_0570, 0x3ca7_36da_d346_f8a6, 0x3ca7_98ad_10b3_2a77,
    0x3ca7_f845_ad46_f543, 0x3ca8_55cc_5343_0a77, 0x3ca8_b164_9e7b_769a, 0x3ca9_0b2e_a94e_cf98, 0x3ca9_6347_822c_1eea,
    0x3ca9_b9c9_8e38_c546, 0x3caa_0ecc_dca4_a72c, 0x3caa_6267_6d77_cd59, 0x3caa_b4ad_6e10_1630, 0x3cab_05b1_6d13_6c9c,
    0x3cab_5584_8742_7a29, 0x3cab_a436_8e52_9f3a, 0x3cab_f1d6_2abf_8232, 0x3cac_3e70_f959_4ef3, 0x3cac_8a13_a532_3b61,
    0x3cac_d4c9_fe72_268b, 0x3cad_1e9f_0e80_b748, 0x3cad_679d_29e4_1f10, 0x3cad_afce_0023_b8c3, 0x3cad_f73a_a9f1_7653,
    0x3cae_3deb_b5d2_edfe, 0x3cae_83e9_337a_6f00, 0x3cae_c93a_bdf9_82ce, 0x3caf_0de7_84f0_6226, 0x3caf_51f6_54d8_f688,
    0x3caf_956d_9e87_d7ae, 0x3caf_d853_7dfa_2eac, 0x3cb0_0d56_e042_34ec, 0x3cb0_2e40_f539_8f9a, 0x3cb0_4eea_9e16_a5fc,
    0x3cb0_6f56_5b72_a010, 0x3cb0_8f86_9071_f40b, 0x3cb0_af7d_84bc_6113, 0x3cb0_cf3d_664b_cc7f, 0x3cb0_eec8_4b16_086b,
    0x3cb1_0e20_3295_15ee, 0x3cb1_2d47_0731_0fbe, 0x3cb1_4c3e_9f8e_9141, 0x3cb1_6b08_bfc4_201e, 0x3cb1_89a7_1a78_da34,
    0x3cb1_a81b_51ee_6d88, 0x3cb1_c666_f8f8_2acb, 0x3cb1_e48b_93e0_d42e, 0x3cb2_028a_9940_a09f, 0x3cb2_2065_72c4_c6e9,
    0x3cb2_3e1d_7de9_c31f, 0x3cb2_5bb4_0ca9_6bfb, 0x3cb2_792a_661d_d37f, 0x3cb2_9681_c719_d71b, 0x3cb2_b3bb_62b8_2eda,
    0x3cb2_d0d8_62e1_b853, 0x3cb2_edd9_e8cb_a98e, 0x3cb3_0ac1_0d6e_48d7, 0x3cb3_278e_e1f4_b930, 0x3cb3_4444_7026_5ea1,
    0x3cb3_60e2_baca_52d5, 0x3cb3_7d6a_be05_586a, 0x3cb3_99dd_6fb2_b264, 0x3cb3_b63b_bfb8_3d03, 0x3cb3_d286_9856_1de0,
    0x3cb3_eebe_de72_5a83, 0x3cb4_0ae5_71e0_9e74, 0x3cb4_26fb_2da6_745d, 0x3cb4_4300_e83c_30a4, 0x3cb4_5ef7_73ca_c75d,
    0x3cb4_7adf_9e66_c336, 0x3cb4_96ba_3248_8f2f, 0x3cb4_b287_f602_415d, 0x3cb4_ce49_acb3_11dc, 0x3cb4_ea00_1638_a605,
    0x3cb5_05ab_ef5e_5562, 0x3cb5_214d_f20a_8b5a, 0x3cb5_3ce6_d56a_664f, 0x3cb5_5877_4e1b_b2c8, 0x3cb5_7400_0e55_5f78,
    0x3cb5_8f81_c60e_8514, 0x3cb5_aafd_2324_1b59, 0x3cb5_c672_d17d_733d, 0x3cb5_e1e3_7b2f_8cd3, 0x3cb5_fd4f_c89f_5e38,
    0x3cb6_18b8_60a3_1fc3, 0x3cb6_341d_e8a2_b0a2, 0x3cb6_4f81_04b7_260b, 0x3cb6_6ae2_57c9_9672, 0x3cb6_8642_83b1_3137,
    0x3cb6_a1a2_2950_b2b1, 0x3cb6_bd01_e8b3_43bb, 0x3cb6_d862_6128_d352, 0x3cb6_f3c4_3161_f854, 0x3cb7_0f27_f78b_68eb,
    0x3cb7_2a8e_5169_14c6, 0x3cb7_45f7_dc70_eedc, 0x3cb7_6165_35e5_731f, 0x3cb7_7cd6_faef_f449, 0x3cb7_984d_c8ba_bd93,
    0x3cb7_b3ca_3c8b_1409, 0x3cb7_cf4c_f3db_22fb, 0x3cb7_ead6_8c73_dee7, 0x3cb8_0667_a486_ea1f, 0x3cb8_2200_dac8_8676,
    0x3cb8_3da2_ce89_9f15, 0x3cb8_594e_1fd1_f5bd, 0x3cb8_7503_6f7a_7ec5, 0x3cb8_90c3_5f47_f72d, 0x3cb8_ac8e_9205_c043,
    0x3cb8_c865_aba1_0c9c, 0x3cb8_e449_5144_6a27, 0x3cb9_003a_2973_b58f, 0x3cb9_1c38_dc28_8347, 0x3cb9_3846_12ef_0afc,
    0x3cb9_5462_7903_a28a, 0x3cb9_708e_bb70_d5ee, 0x3cb9_8ccb_892e_2a31, 0x3cb9_a919_933f_99bf, 0x3cb9_c579_8cd5_d92c,
    0x3cb9_e1ec_2b6f_7411, 0x3cb9_fe72_26fa_d24a, 0x3cba_1b0c_39f9_3692, 0x3cba_37bb_21a2_c85b, 0x3cba_547f_9e0b_bb88,
    0x3cba_715a_724a_a9a4, 0x3cba_8e4c_64a0_313d, 0x3cba_ab56_3e9f_f108, 0x3cba_c878_cd5a_f5ce, 0x3cba_e5b4_e18b_b336,
    0x3cbb_030b_4fc3_a11a, 0x3cbb_207c_f09a_985b, 0x3cbb_3e0a_a0e0_0c00, 0x3cbb_5bb5_41ce_3d03, 0x3cbb_797d_b93f_8927,
    0x3cbb_9764_f1e5_f73c, 0x3cbb_b56b_db85_256e, 0x3cbb_d393_6b2e_c0a2, 0x3cbb_f1dc_9b81_ae83, 0x3cbc_1048_6cec_16a0,
    0x3cbc_2ed7_e5f0_7a2d, 0x3cbc_4d8c_136e_0d1c, 0x3cbc_6c66_08ec_8705, 0x3cbc_8b66_e0eb_a617, 0x3cbc_aa8f_bd36_a2ab,
    0x3cbc_c9e1_c73b_d690, 0x3cbc_e95e_3068_e037, 0x3cbd_0906_328b_8f6e, 0x3cbd_28db_1037_ef20, 0x3cbd_48de_1533_c647,
    0x3cbd_6910_96e7_f123, 0x3cbd_8973_f4d7_fba5, 0x3cbd_aa09_9920_6e70, 0x3cbd_cad2_f8fc_490e, 0x3cbd_ebd1_9552_2e37,
    0x3cbe_0d06_fb49_d21c, 0x3cbe_2e74_c4ea_46f6, 0x3cbe_501c_99c1_d188, 0x3cbe_7200_2f97_fe25, 0x3cbe_9421_4b2a_bf0a,
    0x3cbe_b681_c0f7_6f08, 0x3cbe_d923_7610_a73a, 0x3cbe_fc08_6101_eca9, 0x3cbf_1f32_8ac2_5321, 0x3cbf_42a4_0fb7_4d6d,
    0x3cbf_665f_20c9_0168, 0x3cbf_8a66_0489_9782, 0x3cbf_aebb_1871_22bf, 0x3cbf_d360_d22f_e785, 0x3cbf_f859_c118_f60b,
    0x3cc0_0ed4_47d3_a075, 0x3cc0_21a8_028f_c947, 0x3cc0_34a9_83a9_02ab, 0x3cc0_47da_4e3e_f5c7, 0x3cc0_5b3b_f6ad_b37e,
    0x3cc0_6ed0_23a7_2668, 0x3cc0_8298_8f63_2e17, 0x3cc0_9697_08e8_a254, 0x3cc0_aacd_7571_c0c4, 0x3cc0_bf3d_d1ee_d448,
    0x3cc0_d3ea_34aa_3d30, 0x3cc0_e8d4_cf11_6593, 0x3cc0_fdff_efa6_9fb6, 0x3cc1_136e_0420_7041, 0x3cc1_2921_9bbb_5d35,
    0x3cc1_3f1d_69c4_096d, 0x3cc1_5564_4860_2e3b, 0x3cc1_6bf9_3b9d_eef3, 0x3cc1_82df_74d2_1261, 0x3cc1_9a1a_564e_ebac,
    0x3cc1_b1ad_777f_2f8e, 0x3cc1_c99c_a971_a694, 0x3cc1_e1eb_fbe4_ae39, 0x3cc1_fa9f_c2e2_d901, 0x3cc2_13bc_9d04_cc81,
    0x3cc2_2d47_7a6f_d3ee, 0x3cc2_4745_a4ac_9c24, 0x3cc2_61bc_c776_58e0, 0x3cc2_7cb2_faa8_592e, 0x3cc2_982e_cd77_0e78,
    0x3cc2_b437_532a_0a52, 0x3cc2_d0d4_3196_db97, 0x3cc2_ee0d_b1a9_78f5, 0x3cc3_0bec_d256_aeee, 0x3cc3_2a7b_5e68_a4a3,
    0x3cc3_49c4_05ae_12a3, 0x3cc3_69d2_7a33_a840, 0x3cc3_8ab3_9256_410a, 0x3cc3_ac75_70ae_88fa, 0x3cc3_cf27_b317_04a6,
    0x3cc3_f2db_aa60_f475, 0x3cc4_17a4_9cb9_e5da, 0x3cc4_3d98_1554_5e94, 0x3cc4_64ce_44a7_3a15, 0x3cc4_8d62_759c_43bc,
    0x3cc4_b773_9d6b_5a27, 0x3cc4_e325_0dcd_8902, 0x3cc5_109f_53e9_ac41, 0x3cc5_4011_523a_7e42, 0x3cc5_71b1_a94a_e41b,
    0x3cc5_a5c0_8b71_8dd9, 0x3cc5_dc8a_243a_d0fe, 0x3cc6_1669_cf86_1e4c, 0x3cc6_53ce_7b00_6aea, 0x3cc6_9540_be9f_e5c3,
    0x3cc6_db6b_8d09_e232, 0x3cc7_2728_f05f_7a34, 0x3cc7_7995_5609_0673, 0x3cc7_d42d_f4d6_ce8c, 0x3cc8_3903_0529_f234,
    0x3cc8_ab0f_bfaa_7c14, 0x3cc9_2ee0_946f_4496, 0x3cc9_cbee_0140_57ab, 0x3cca_8fdc_7894_775a, 0x3ccb_981f_3878_fdb1,
    0x3ccd_3bb4_8209_ad33,
  ]
}
