"""Write head_mr_mni152.nii.gz, the sample scan, from the template inside nilearn's package.

Run once by hand; the result is in the repository:

    pip install nilearn==0.14.1        # not a requirement of napari-diffseg
    python sample_data/make_head_mr.py

Nothing is downloaded: nilearn ships the ICBM 152 2009a symmetric T1 template at 1 mm, brain only. The
voxels and the MNI affine are taken over as they are; the header is new (millimetres, codes 4 = MNI 152)
and the gzip stream carries no time, so the bytes depend only on the versions of nilearn and zlib.
"""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn import datasets

TEMPLATE = Path(datasets.__file__).parent / "data" / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
SAMPLE = Path(__file__).parent / "head_mr_mni152.nii.gz"

MNI_152 = 4  # the NIfTI code for "aligned to the MNI 152 brain"
LEFT_AND_RIGHT_HIPPOCAMPUS_MM = ((-28, -21, -14), (28, -21, -14))


def make() -> nib.Nifti1Image:
    """The template with a clean header, refused unless it is what we think it is."""
    template = nib.Nifti1Image.from_filename(TEMPLATE)
    voxels = np.asanyarray(template.dataobj)
    if voxels.dtype != np.uint8 or voxels.shape != (197, 233, 189):
        raise SystemExit(f"{TEMPLATE.name} is {voxels.dtype} {voxels.shape}; expected uint8 (197, 233, 189).")
    if nib.aff2axcodes(template.affine) != ("R", "A", "S") or not np.allclose(
        nib.affines.voxel_sizes(template.affine), 1
    ):
        raise SystemExit(f"{TEMPLATE.name} is not stored as RAS with 1 mm voxels.")

    image = nib.Nifti1Image(voxels, template.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(template.affine, code=MNI_152)
    image.set_qform(template.affine, code=MNI_152)
    image.header["descrip"] = b"ICBM 152 2009a symmetric T1, brain only"
    return image


def main() -> None:
    """Write the file and print the values at both hippocampi as a check by eye."""
    image = make()
    # mtime=0 and no file name: gzip would otherwise write the time of day into the header.
    with SAMPLE.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as packed:
        packed.write(image.to_bytes())

    written = nib.Nifti1Image.from_filename(SAMPLE)
    to_voxel = np.linalg.inv(written.affine)
    print(f"{SAMPLE.name}: {written.shape}, {SAMPLE.stat().st_size / 2**20:.2f} MiB")
    for point in LEFT_AND_RIGHT_HIPPOCAMPUS_MM:
        voxel = tuple(np.rint(nib.affines.apply_affine(to_voxel, point)).astype(int).tolist())
        print(f"  MNI {point} mm is voxel {voxel}, value {int(written.dataobj[voxel])}")


if __name__ == "__main__":
    main()
