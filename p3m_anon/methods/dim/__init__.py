"""Deep Image Matting (Xu, Price, Cohen and Huang, CVPR 2017): alpha from a picture and its trimap."""
