;; Rows through one tree of a forest. forest-kernel.ts says how trees and rows lie in the memory.
;;
;; A node is named by four times its number, which is where its feature and its cut lie: the children of x are at 2x + 4 and 2x + 8.
;; The comparison is a number, not a branch: which way a row goes cannot be foretold, and a wrong guess costs more than the step.
(module
  (memory (export "memory") 66)

  ;; Adds to the doubles from `to` on what each of `n` rows (a multiple of four), `stride` bytes apart from `rows` on, counts in the tree.
  ;; `features`: the feature of each cut, uint32; `leaves`: float32, so placed that the names of the deepest nodes fit.
  (func (export "descend")
    (param $rows i32) (param $n i32) (param $stride i32) (param $depth i32)
    (param $features i32) (param $cuts i32) (param $leaves i32) (param $to i32)
    (local $level i32) (local $end i32)
    (local $a i32) (local $rowa i32)
    (local $b i32) (local $rowb i32)
    (local $c i32) (local $rowc i32)
    (local $d i32) (local $rowd i32)
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $n) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $to) (local.get $end)))
        (local.set $rowa (local.get $rows))
        (local.set $rowb (i32.add (local.get $rowa) (local.get $stride)))
        (local.set $rowc (i32.add (local.get $rowb) (local.get $stride)))
        (local.set $rowd (i32.add (local.get $rowc) (local.get $stride)))
        (local.set $rows (i32.add (local.get $rowd) (local.get $stride)))
        (local.set $a (i32.const 0))
        (local.set $b (i32.const 0))
        (local.set $c (i32.const 0))
        (local.set $d (i32.const 0))
        (local.set $level (local.get $depth))
        (loop $down
          (local.set $a
            (i32.add
              (i32.add (i32.shl (local.get $a) (i32.const 1)) (i32.const 4))
              (i32.shl
                (f32.gt
                  (f32.load
                    (i32.add
                      (local.get $rowa)
                      (i32.shl (i32.load (i32.add (local.get $features) (local.get $a))) (i32.const 2))))
                  (f32.load (i32.add (local.get $cuts) (local.get $a))))
                (i32.const 2))))
          (local.set $b
            (i32.add
              (i32.add (i32.shl (local.get $b) (i32.const 1)) (i32.const 4))
              (i32.shl
                (f32.gt
                  (f32.load
                    (i32.add
                      (local.get $rowb)
                      (i32.shl (i32.load (i32.add (local.get $features) (local.get $b))) (i32.const 2))))
                  (f32.load (i32.add (local.get $cuts) (local.get $b))))
                (i32.const 2))))
          (local.set $c
            (i32.add
              (i32.add (i32.shl (local.get $c) (i32.const 1)) (i32.const 4))
              (i32.shl
                (f32.gt
                  (f32.load
                    (i32.add
                      (local.get $rowc)
                      (i32.shl (i32.load (i32.add (local.get $features) (local.get $c))) (i32.const 2))))
                  (f32.load (i32.add (local.get $cuts) (local.get $c))))
                (i32.const 2))))
          (local.set $d
            (i32.add
              (i32.add (i32.shl (local.get $d) (i32.const 1)) (i32.const 4))
              (i32.shl
                (f32.gt
                  (f32.load
                    (i32.add
                      (local.get $rowd)
                      (i32.shl (i32.load (i32.add (local.get $features) (local.get $d))) (i32.const 2))))
                  (f32.load (i32.add (local.get $cuts) (local.get $d))))
                (i32.const 2))))
          (br_if $down (local.tee $level (i32.sub (local.get $level) (i32.const 1)))))
        (f64.store offset=0 (local.get $to)
          (f64.add
            (f64.load offset=0 (local.get $to))
            (f64.promote_f32 (f32.load (i32.add (local.get $leaves) (local.get $a))))))
        (f64.store offset=8 (local.get $to)
          (f64.add
            (f64.load offset=8 (local.get $to))
            (f64.promote_f32 (f32.load (i32.add (local.get $leaves) (local.get $b))))))
        (f64.store offset=16 (local.get $to)
          (f64.add
            (f64.load offset=16 (local.get $to))
            (f64.promote_f32 (f32.load (i32.add (local.get $leaves) (local.get $c))))))
        (f64.store offset=24 (local.get $to)
          (f64.add
            (f64.load offset=24 (local.get $to))
            (f64.promote_f32 (f32.load (i32.add (local.get $leaves) (local.get $d))))))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (br $next)))))
