"""Files, in a folder or in S3: four verbs over obstore, and the signed URLs that stand for one file each."""
