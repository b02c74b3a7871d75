// Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 13f5aa6360a7
//! The strided view of chapter 2, over a borrowed buffer of `f32`.

use std::fmt;

/// A shape, strides and an offset over somebody else's buffer.
///
/// Every place that the walk can reach was checked to lie in `data`.
#[derive(Clone, Debug)]
pub struct View<'a> {
    data: &'a [f32],
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

/// What can be wrong with a view, or with a request to one.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The walk leaves the buffer, or is longer than can be counted.
    Bounds { shape: Vec<usize>, strides: Vec<isize>, len: usize },
    /// The shape has no such axis.
    Axis { axis: usize, shape: Vec<usize> },
    /// The output has room for another number of elements.
    Output { want: usize, got: usize },
    /// Two shapes cannot be multiplied.
    Product { left: Vec<usize>, right: Vec<usize> },
}

/// Whether every element of a walk lies in a buffer of `len`.
fn fits(
    len: usize,
    shape: &[usize],
    strides: &[isize],
    offset: usize,
) -> bool {
    let room = |size: usize, &n: &usize| size.checked_mul(n.max(1));
    let countable = shape.iter().try_fold(1, room).is_some();
    let (mut low, mut high) = (offset as i128, offset as i128);
    for (&n, &stride) in shape.iter().zip(strides) {
        let span = (n as i128 - 1).saturating_mul(stride as i128);
        low = low.saturating_add(span.min(0));
        high = high.saturating_add(span.max(0));
    }
    let inside = low >= 0 && high < len as i128;
    shape.len() == strides.len()
        && countable
        && (inside || shape.contains(&0))
}

impl<'a> View<'a> {
    /// A view of `data`; an error if an element would lie outside.
    pub fn new(
        data: &'a [f32],
        shape: &[usize],
        strides: &[isize],
        offset: usize,
    ) -> Result<Self, Error> {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        if fits(data.len(), &shape, &strides, offset) {
            Ok(View { data, shape, strides, offset })
        } else {
            Err(Error::Bounds { shape, strides, len: data.len() })
        }
    }

    /// The number of elements.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// The size of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Calls `visit` with the place of each element, in row-major
    /// order: from `place` on, along `axis` and all axes after it.
    fn walk(
        &self,
        axis: usize,
        place: usize,
        visit: &mut impl FnMut(usize),
    ) {
        let Some(&n) = self.shape.get(axis) else {
            return visit(place);
        };
        for i in 0..n {
            let here = step(place, i, self.strides[axis]);
            self.walk(axis + 1, here, visit);
        }
    }

    /// Fills `out` with one number for each place of the walk.
    fn fill(
        &self,
        out: &mut [f32],
        number: impl Fn(usize) -> f32,
    ) -> Result<(), Error> {
        let (want, got) = (self.size(), out.len());
        if want != got {
            return Err(Error::Output { want, got });
        }
        let mut slots = out.iter_mut();
        let mut next = |place| {
            if let Some(slot) = slots.next() {
                *slot = number(place);
            }
        };
        if want > 0 {
            self.walk(0, self.offset, &mut next);
        }
        Ok(())
    }

    /// Copies the elements to `out`, in row-major order.
    pub fn contiguous(&self, out: &mut [f32]) -> Result<(), Error> {
        self.fill(out, |place| self.data[place])
    }

    /// Sums along `axis` into `out`, in row-major order of the rest.
    pub fn sum(
        &self,
        axis: usize,
        out: &mut [f32],
    ) -> Result<(), Error> {
        if axis >= self.shape.len() {
            let shape = self.shape.clone();
            return Err(Error::Axis { axis, shape });
        }
        let mut rest = self.clone();
        let n = rest.shape.remove(axis);
        let stride = rest.strides.remove(axis);
        rest.fill(out, |place| self.line(place, n, stride) as f32)
    }

    /// Adds up in the order of Python's `pairwise_sum`.
    fn line(&self, place: usize, n: usize, stride: isize) -> f64 {
        if n <= 8 {
            let at = |i| self.data[step(place, i, stride)];
            return (0..n).fold(0.0, |sum, i| sum + f64::from(at(i)));
        }
        let half = n / 2;
        let rest = step(place, half, stride);
        self.line(place, half, stride)
            + self.line(rest, n - half, stride)
    }

    /// The elements side by side: borrowed if they lie so, or copied.
    pub fn dense(&self) -> Result<std::borrow::Cow<'a, [f32]>, Error> {
        let (size, mut step) = (self.size(), 1);
        let mut in_order = size > 0;
        for (axis, &n) in self.shape.iter().enumerate().rev() {
            in_order &= n == 1 || self.strides[axis] == step;
            step *= n as isize;
        }
        if in_order {
            return Ok(self.data[self.offset..][..size].into());
        }
        let mut copy = vec![0.0; size];
        self.contiguous(&mut copy)?;
        Ok(copy.into())
    }
}

/// The place `i` strides further on.
fn step(place: usize, i: usize, stride: isize) -> usize {
    place.wrapping_add_signed(i as isize * stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn view(
        shape: &[usize],
        strides: &[isize],
        offset: usize,
    ) -> View<'static> {
        View::new(&DATA, shape, strides, offset).unwrap()
    }

    fn values(view: &View) -> Vec<f32> {
        let mut out = vec![0.0; view.size()];
        view.contiguous(&mut out).unwrap();
        out
    }

    #[test]
    fn one_buffer_many_views() {
        let turned = view(&[3, 2], &[1, 3], 0);
        assert_eq!(values(&turned), [1., 4., 2., 5., 3., 6.]);
        assert_eq!(values(&view(&[2], &[-3], 5)), [6., 3.]);
        assert_eq!(values(&view(&[], &[], 4)), [5.]);
        assert!(values(&view(&[0, 3], &[3, 1], 9)).is_empty());
        let stretched = view(&[2, 3], &[0, 1], 0);
        assert_eq!(values(&stretched), [1., 2., 3., 1., 2., 3.]);
    }

    #[test]
    fn walks_out_of_the_buffer_are_refused() {
        let walks = [(7, 1, 0), (2, 6, 0), (2, -1, 0), (1, 1, 6)];
        for (n, stride, offset) in walks {
            assert!(View::new(&DATA, &[n], &[stride], offset).is_err());
        }
        let (vast, far) = ([usize::MAX, 3], [isize::MAX, isize::MIN]);
        assert!(View::new(&DATA, &vast, &[0, 0], 0).is_err());
        assert!(View::new(&DATA, &vast, &far, 0).is_err());
        assert!(View::new(&DATA, &[1], &[1, 1], 0).is_err());
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Error::Bounds { shape, strides, len } => write!(
                f,
                "shape {shape:?}, strides {strides:?} leave a buffer \
                 of {len}"
            ),
            Error::Axis { axis, shape } => {
                write!(f, "no axis {axis} in shape {shape:?}")
            }
            Error::Output { want, got } => {
                write!(f, "the output holds {got}; the result {want}")
            }
            Error::Product { left, right } => {
                write!(f, "cannot multiply {left:?} by {right:?}")
            }
        }
    }
}

impl std::error::Error for Error {}
