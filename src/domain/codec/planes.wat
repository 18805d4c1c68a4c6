;; Columns into byte planes and bit fields, sixteen values a step. planes.ts says what each function promises.
;;
;; Memory: a column of up to 65,536 values at 0, its four planes from PLANES = 0x80000, packed bits from BITS = 0xC0000, and from
;; RESULT = 0xD1000 what does not fit a return. Every function may read and write up to 15 values past the last.
(module
  (memory (export "memory") 14)

  ;; Repeats value n-1 up to the next multiple of 16, so that the steps of 16 see nothing that is not in the column.
  (func $fill32 (param $n i32)
    (local $at i32) (local $end i32) (local $last i32)
    (local.set $at (i32.shl (local.get $n) (i32.const 2)))
    (local.set $last (i32.load (i32.sub (local.get $at) (i32.const 4))))
    (local.set $end (i32.and (i32.add (local.get $at) (i32.const 63)) (i32.const -64)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store (local.get $at) (local.get $last))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $next))))

  (func $fill8 (param $n i32)
    (local $at i32) (local $end i32) (local $last i32)
    (local.set $at (local.get $n))
    (local.set $last (i32.load8_u (i32.sub (local.get $at) (i32.const 1))))
    (local.set $end (i32.and (i32.add (local.get $at) (i32.const 15)) (i32.const -16)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (i32.store8 (local.get $at) (local.get $last))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next))))

  (func $turned (param $words v128) (param $turn i32) (result v128)
    (v128.or
      (i32x4.shl (local.get $words) (local.get $turn))
      ;; a shift by 32 is one by 0, which is right for turn 0
      (i32x4.shr_u (local.get $words) (i32.sub (i32.const 32) (local.get $turn)))))

  ;; Words become turn-ed words in place; the least of them as uint32.
  (func (export "turn32") (param $n i32) (param $turn i32) (result i32)
    (local $at i32) (local $end i32) (local $words v128) (local $least v128)
    (call $fill32 (local.get $n))
    (local.set $end (i32.shl (local.get $n) (i32.const 2)))
    (local.set $least (v128.const i32x4 -1 -1 -1 -1))
    (loop $next
      (local.set $words (call $turned (v128.load (local.get $at)) (local.get $turn)))
      (v128.store (local.get $at) (local.get $words))
      (local.set $least (i32x4.min_u (local.get $least) (local.get $words)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (call $fill32 (local.get $n))
    (local.set $least (i32x4.min_u (local.get $least)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $least) (local.get $least))))
    (local.set $least (i32x4.min_u (local.get $least)
      (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $least) (local.get $least))))
    (i32x4.extract_lane 0 (local.get $least)))

  ;; Words become their distance from `least` in place; all their bits ORed together.
  (func (export "distance32") (param $n i32) (param $least i32) (result i32)
    (local $at i32) (local $end i32) (local $words v128) (local $any v128) (local $leasts v128)
    (local.set $end (i32.shl (local.get $n) (i32.const 2)))
    (local.set $leasts (i32x4.splat (local.get $least)))
    (loop $next
      (local.set $words (i32x4.sub (v128.load (local.get $at)) (local.get $leasts)))
      (v128.store (local.get $at) (local.get $words))
      (local.set $any (v128.or (local.get $any) (local.get $words)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (call $fill32 (local.get $n))
    (local.set $any (v128.or (local.get $any)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $any) (local.get $any))))
    (i32.or (i32x4.extract_lane 0 (local.get $any)) (i32x4.extract_lane 1 (local.get $any))))

  ;; 0 when word k is first + k x step (modulo 2^32) for every k.
  (func (export "offLine32") (param $n i32) (param $first i32) (param $step i32) (result i32)
    (local $at i32) (local $end i32) (local $off v128) (local $expected v128) (local $steps v128) (local $rest i32) (local $value i32)
    (local.set $end (i32.and (i32.shl (local.get $n) (i32.const 2)) (i32.const -16)))
    (local.set $expected
      (i32x4.add
        (i32x4.splat (local.get $first))
        (i32x4.mul (v128.const i32x4 0 1 2 3) (i32x4.splat (local.get $step)))))
    (local.set $steps (i32x4.splat (i32.shl (local.get $step) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $off (v128.or (local.get $off) (v128.xor (v128.load (local.get $at)) (local.get $expected))))
        (local.set $expected (i32x4.add (local.get $expected) (local.get $steps)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (local.set $value (i32x4.extract_lane 0 (local.get $expected)))
    (local.set $end (i32.shl (local.get $n) (i32.const 2)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $rest (i32.or (local.get $rest) (i32.xor (i32.load (local.get $at)) (local.get $value))))
        (local.set $value (i32.add (local.get $value) (local.get $step)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $next)))
    (i32.or (local.get $rest) (v128.any_true (local.get $off))))

  ;; Words turned left and shifted right (logically) into four planes at PLANES, `stride` bytes apart.
  ;; Least and highest byte of the fourth: least + 256 x highest.
  (func (export "split32") (param $n i32) (param $turn i32) (param $shift i32) (param $stride i32) (result i32)
    (local $at i32) (local $end i32) (local $out i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $ab v128) (local $cd v128) (local $plane v128) (local $least v128) (local $highest v128)
    (call $fill32 (local.get $n))
    (local.set $end (i32.shl (local.get $n) (i32.const 2)))
    (local.set $out (i32.const 0x80000))
    (local.set $least (v128.const i32x4 -1 -1 -1 -1))
    (loop $next
      (local.set $a (i32x4.shr_u (call $turned (v128.load (local.get $at)) (local.get $turn)) (local.get $shift)))
      (local.set $b (i32x4.shr_u (call $turned (v128.load offset=16 (local.get $at)) (local.get $turn)) (local.get $shift)))
      (local.set $c (i32x4.shr_u (call $turned (v128.load offset=32 (local.get $at)) (local.get $turn)) (local.get $shift)))
      (local.set $d (i32x4.shr_u (call $turned (v128.load offset=48 (local.get $at)) (local.get $turn)) (local.get $shift)))
      (local.set $ab (i8x16.shuffle 0 4 8 12 16 20 24 28 1 5 9 13 17 21 25 29 (local.get $a) (local.get $b)))
      (local.set $cd (i8x16.shuffle 0 4 8 12 16 20 24 28 1 5 9 13 17 21 25 29 (local.get $c) (local.get $d)))
      (v128.store (local.get $out)
        (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $ab) (local.get $cd)))
      (v128.store (i32.add (local.get $out) (local.get $stride))
        (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $ab) (local.get $cd)))
      (local.set $ab (i8x16.shuffle 2 6 10 14 18 22 26 30 3 7 11 15 19 23 27 31 (local.get $a) (local.get $b)))
      (local.set $cd (i8x16.shuffle 2 6 10 14 18 22 26 30 3 7 11 15 19 23 27 31 (local.get $c) (local.get $d)))
      (v128.store (i32.add (local.get $out) (i32.shl (local.get $stride) (i32.const 1)))
        (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $ab) (local.get $cd)))
      (local.set $plane (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $ab) (local.get $cd)))
      (v128.store (i32.add (local.get $out) (i32.mul (local.get $stride) (i32.const 3))) (local.get $plane))
      (local.set $least (i8x16.min_u (local.get $least) (local.get $plane)))
      (local.set $highest (i8x16.max_u (local.get $highest) (local.get $plane)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (call $extremes (local.get $least) (local.get $highest)))

  (func $extremes (param $least v128) (param $highest v128) (result i32)
    (local.set $least (i8x16.min_u (local.get $least)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $least) (local.get $least))))
    (local.set $least (i8x16.min_u (local.get $least)
      (i8x16.shuffle 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 (local.get $least) (local.get $least))))
    (local.set $least (i8x16.min_u (local.get $least)
      (i8x16.shuffle 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 (local.get $least) (local.get $least))))
    (local.set $least (i8x16.min_u (local.get $least)
      (i8x16.shuffle 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 (local.get $least) (local.get $least))))
    (local.set $highest (i8x16.max_u (local.get $highest)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $highest) (local.get $highest))))
    (local.set $highest (i8x16.max_u (local.get $highest)
      (i8x16.shuffle 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 (local.get $highest) (local.get $highest))))
    (local.set $highest (i8x16.max_u (local.get $highest)
      (i8x16.shuffle 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 (local.get $highest) (local.get $highest))))
    (local.set $highest (i8x16.max_u (local.get $highest)
      (i8x16.shuffle 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 (local.get $highest) (local.get $highest))))
    (i32.or
      (i8x16.extract_lane_u 0 (local.get $least))
      (i32.shl (i8x16.extract_lane_u 0 (local.get $highest)) (i32.const 8))))

  ;; Least byte + 256 x the bits in which any differs from the least as a distance.
  (func (export "range8") (param $n i32) (result i32)
    (local $at i32) (local $least v128) (local $any v128) (local $low i32)
    (call $fill8 (local.get $n))
    (local.set $least (v128.const i32x4 -1 -1 -1 -1))
    (loop $next
      (local.set $least (i8x16.min_u (local.get $least) (v128.load (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $n))))
    (local.set $low (i32.and (call $extremes (local.get $least) (local.get $least)) (i32.const 255)))
    (local.set $least (i8x16.splat (local.get $low)))
    (local.set $at (i32.const 0))
    (loop $next
      (local.set $any (v128.or (local.get $any) (i8x16.sub (v128.load (local.get $at)) (local.get $least))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $n))))
    (local.set $any (v128.or (local.get $any)
      (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $any) (local.get $any))))
    (local.set $any (v128.or (local.get $any)
      (i8x16.shuffle 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 (local.get $any) (local.get $any))))
    (local.set $any (v128.or (local.get $any)
      (i8x16.shuffle 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 (local.get $any) (local.get $any))))
    (local.set $any (v128.or (local.get $any)
      (i8x16.shuffle 1 0 1 0 1 0 1 0 1 0 1 0 1 0 1 0 (local.get $any) (local.get $any))))
    (i32.or (local.get $low) (i32.shl (i8x16.extract_lane_u 0 (local.get $any)) (i32.const 8))))

  ;; Bytes at `from`, as distances from `least` shifted right, each of `width` bits (1 to 8), lowest first, to `to`.
  ;; Eight of them are gathered in one word: neighbours first, then pairs, then fours.
  (func (export "pack") (param $from i32) (param $n i32) (param $least i32) (param $shift i32) (param $width i32) (param $to i32)
    (local $end i32) (local $x i64) (local $w1 i64) (local $w2 i64) (local $w4 i64) (local $leasts v128)
    (local.set $end (i32.add (local.get $from) (local.get $n)))
    (local.set $w1 (i64.extend_i32_u (local.get $width)))
    (local.set $w2 (i64.shl (local.get $w1) (i64.const 1)))
    (local.set $w4 (i64.shl (local.get $w1) (i64.const 2)))
    (local.set $leasts (i8x16.splat (local.get $least)))
    (loop $next
      (local.set $x
        (i64x2.extract_lane 0
          (i8x16.shr_u (i8x16.sub (v128.load64_zero (local.get $from)) (local.get $leasts)) (local.get $shift))))
      (local.set $x
        (i64.or
          (i64.and (local.get $x) (i64.const 0x00ff00ff00ff00ff))
          (i64.shl (i64.and (i64.shr_u (local.get $x) (i64.const 8)) (i64.const 0x00ff00ff00ff00ff)) (local.get $w1))))
      (local.set $x
        (i64.or
          (i64.and (local.get $x) (i64.const 0x0000ffff0000ffff))
          (i64.shl (i64.and (i64.shr_u (local.get $x) (i64.const 16)) (i64.const 0x0000ffff0000ffff)) (local.get $w2))))
      (local.set $x
        (i64.or
          (i64.and (local.get $x) (i64.const 0xffffffff))
          (i64.shl (i64.shr_u (local.get $x) (i64.const 32)) (local.get $w4))))
      (i64.store (local.get $to) (local.get $x))
      (local.set $to (i32.add (local.get $to) (local.get $width)))
      (br_if $next (i32.lt_u (local.tee $from (i32.add (local.get $from) (i32.const 8))) (local.get $end)))))

  ;; 1 when all n doubles are whole numbers and none is minus zero; least and highest of them at RESULT.
  (func (export "whole64") (param $n i32) (result i32)
    (local $at i32) (local $end i32) (local $x v128) (local $least v128) (local $highest v128) (local $whole v128)
    ;; an odd one out is followed by itself
    (f64.store (i32.shl (local.get $n) (i32.const 3)) (f64.load (i32.sub (i32.shl (local.get $n) (i32.const 3)) (i32.const 8))))
    (local.set $end (i32.shl (local.get $n) (i32.const 3)))
    (local.set $least (v128.load (i32.const 0)))
    (local.set $highest (local.get $least))
    (local.set $whole (v128.const i32x4 -1 -1 -1 -1))
    (loop $next
      (local.set $x (v128.load (local.get $at)))
      (local.set $whole (v128.and (local.get $whole) (f64x2.eq (local.get $x) (f64x2.floor (local.get $x)))))
      (local.set $whole
        (v128.andnot (local.get $whole)
          (i64x2.eq (local.get $x) (v128.const i64x2 0x8000000000000000 0x8000000000000000))))
      (local.set $least (f64x2.pmin (local.get $least) (local.get $x)))
      (local.set $highest (f64x2.pmax (local.get $highest) (local.get $x)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))
    (f64.store (i32.const 0xD1000)
      (f64.min (f64x2.extract_lane 0 (local.get $least)) (f64x2.extract_lane 1 (local.get $least))))
    (f64.store (i32.const 0xD1008)
      (f64.max (f64x2.extract_lane 0 (local.get $highest)) (f64x2.extract_lane 1 (local.get $highest))))
    (i64x2.all_true (local.get $whole)))

  ;; Doubles become words in place: their distance from `least`, which the caller knows to be below 2^32.
  (func (export "narrow64") (param $n i32) (param $least f64)
    (local $at i32) (local $to i32) (local $end i32) (local $leasts v128)
    (local.set $end (i32.shl (local.get $n) (i32.const 3)))
    (local.set $leasts (f64x2.splat (local.get $least)))
    (loop $next
      (v128.store64_lane 0 (local.get $to)
        (i32x4.trunc_sat_f64x2_u_zero (f64x2.sub (v128.load (local.get $at)) (local.get $leasts))))
      (local.set $to (i32.add (local.get $to) (i32.const 8)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $end))))))
